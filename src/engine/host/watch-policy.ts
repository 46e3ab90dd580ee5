/**
 * Decides whether a worker must be killed: it hangs, is silent, or has grown too large.
 *
 * - Hang: the operation it works on has passed its wall clock. Only the oldest one counts; a batch
 *   that was sent ahead has not started.
 * - Silent: nothing heard for `silenceMsMax` while it has nothing to do (during a run it cannot
 *   beat, and the wall clock watches). Five beats and not three: nobody waits for an idle worker,
 *   so a late verdict costs nothing, but on a starved machine an early one costs a start.
 * - When our own loop was away for longer than two looks, the worker's beats lie unread in the
 *   socket: then silence proves nothing, and the count starts afresh.
 */

export const lookMs = 1_000;
export const silenceMsMax = 5_000;

export interface WorkerSnapshot {
  /** When the oldest operation became the oldest, or `undefined` when there is none. */
  readonly busySinceMs: number | undefined;
  /** Wall clock of that operation, ms. */
  readonly busyMsMax: number;
  readonly heardAtMs: number;
  /** When this was asked the last time. */
  readonly lookedAtMs: number;
  /** Resident memory, byte; 0 when it is not known. */
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
}

export type Verdict = "fine" | "afresh" | "hang" | "silent" | "memory";

/** `afresh` means: take now as the time something was last heard. */
export function judgeWorker(worker: WorkerSnapshot, nowMs: number): Verdict {
  if (worker.memoryBytes > worker.memoryBytesMax) return "memory";
  if (worker.busySinceMs !== undefined) {
    return nowMs - worker.busySinceMs >= worker.busyMsMax ? "hang" : "fine";
  }
  if (nowMs - worker.lookedAtMs > 2 * lookMs) return "afresh";
  return nowMs - worker.heardAtMs > silenceMsMax ? "silent" : "fine";
}
