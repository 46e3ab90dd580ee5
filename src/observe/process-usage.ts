/**
 * What this process takes: CPU, memory, and how late its event loop is.
 *
 * The one file of this room that asks the system. Loop delay is sampled by the runtime's own timer
 * (every 20 ms, outside JavaScript) and starts at the first scrape: a server that nobody watches
 * does not pay for it.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface LoopDelay {
  /** Seconds; 0 before anything was measured. */
  readonly p50S: number;
  readonly p99S: number;
  readonly maxS: number;
}

/** Samples of a run of the timer itself, which are no delay. */
const resolutionMs = 20;

export class ProcessUsage {
  /** Unix time, s. */
  readonly startedAtS: number;
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

  /** @param wallMs Unix time now, ms */
  constructor(wallMs: number) {
    this.startedAtS = wallMs / 1000 - process.uptime();
  }

  cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  residentBytes(): number {
    return process.memoryUsage.rss();
  }

  heapUsedBytes(): number {
    return process.memoryUsage().heapUsed;
  }

  /** Since the last call; the first call starts the measurement. */
  loopDelay(): LoopDelay {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: resolutionMs });
      this.#delay.enable();
    }
    const delay = this.#delay;
    const isEmpty = delay.count === 0;
    const late = (ns: number): number => Math.max(0, ns / 1e9 - resolutionMs / 1000);
    const figures = {
      p50S: isEmpty ? 0 : late(delay.percentile(50)),
      p99S: isEmpty ? 0 : late(delay.percentile(99)),
      maxS: isEmpty ? 0 : late(delay.max),
    };
    delay.reset();
    return figures;
  }

  /** Ends the measurement. */
  close(): void {
    this.#delay?.disable();
  }
}
