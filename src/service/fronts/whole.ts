/**
 * The figures of the whole server, for whichever front is asked for them.
 *
 * With one front its own counters are all there is. With several, the app hands in who gathers
 * them.
 */
import type { ProcessUsage, ServerMetrics } from "../../observe/index.ts";

/** What is wanted beside the counters. */
export interface FiguresAsk {
  /** The latencies of the last minute. */
  readonly hasWindows: boolean;
  /** How late the event loops were since they were last asked. */
  readonly hasLoopDelay: boolean;
}

/** How the processes that answer the network are doing. */
export type Usage = Omit<ProcessUsage, "close">;

export interface WholeFigures {
  readonly metrics: ServerMetrics;
  readonly usage: Usage;
}

/** Gathers the figures of all fronts. @throws OVERLOADED when the primary does not answer */
export type GatherFigures = (ask: FiguresAsk) => Promise<WholeFigures>;
