/**
 * The usage of a process, or of all fronts, as plain values and back.
 */
import type { UsageFigures } from "../../observe/index.ts";
import type { FiguresAsk, Usage } from "../../service/index.ts";

/** The figures of now; how late the loop was is asked only when wanted, because that resets it. */
export function usageFigures(usage: Usage, ask: FiguresAsk): UsageFigures {
  return {
    cpuSeconds: usage.cpuSeconds(),
    residentBytes: usage.residentBytes(),
    heapUsedBytes: usage.heapUsedBytes(),
    startedAtS: usage.startedAtS,
    loopDelay: ask.hasLoopDelay ? usage.loopDelay() : { p50S: 0, p99S: 0, maxS: 0 },
  };
}

/** Figures that were gathered, as what a page asks. */
export function asUsage(figures: UsageFigures): Usage {
  return {
    startedAtS: figures.startedAtS,
    cpuSeconds: () => figures.cpuSeconds,
    residentBytes: () => figures.residentBytes,
    heapUsedBytes: () => figures.heapUsedBytes,
    loopDelay: () => figures.loopDelay,
  };
}
