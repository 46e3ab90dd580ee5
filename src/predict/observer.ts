/**
 * What a batcher tells the outside about its work.
 *
 * An interface, because counting belongs to a higher floor. Calls come per batch, never per item,
 * and may not throw.
 */
import type { LimitName } from "../base/index.ts";

/** One batch that came back. */
export interface BatchFigures {
  /** Items of the requests in it, padding not counted. */
  readonly items: number;
  readonly requests: number;
  /** Time inside the engine, ms; 0 when the batch failed. */
  readonly runMs: number;
  /** From sending to the answer, ms. */
  readonly roundTripMs: number;
  /** How long the oldest request of the batch had waited when it was sent, ms. */
  readonly queueMsMax: number;
  readonly isSuccess: boolean;
}

/** How a request ended before its answer. */
export type EarlyEnd = "cancelled" | "expired";

export interface BatchingObserver {
  batchSent(items: number, requests: number): void;
  batchDone(batch: BatchFigures): void;
  /** What waits now; what is under way is not counted. */
  queueChanged(items: number, bytes: number): void;
  limitHit(name: LimitName): void;
  /** Requests that left early; `wasRunning` tells whether their run was under way. */
  endedEarly(end: EarlyEnd, requests: number, wasRunning: boolean): void;
  /** A batch that failed by its requests is run again in parts, to find the request at fault. */
  batchRetried(requests: number): void;
  workerDied(requests: number): void;
  /** Inputs under suspicion, and inputs that are refused, now. */
  suspectsChanged(suspects: number, quarantined: number): void;
}
