/**
 * Decides whether a request may wait, and says no at once when it may not.
 *
 * The cheapest check comes first. Limits bound what waits; what is under way is bounded by the
 * batches. A restart at once is worth the wait; while the workers back off, a request that would
 * wait for seconds, or past its deadline, is told so now: it can go to another server in time.
 * Pure: a snapshot, the request's size and a time.
 */
import { ServingError } from "../../base/index.ts";
import type { Instance } from "../../engine/index.ts";

/** A start that is further away is not waited for. */
const startWaitMsMax = 1_000;

interface AdmissionAsk {
  readonly items: number;
  readonly bytes: number;
  readonly deadlineAtMs: number;
}

interface QueueView {
  /** What waits now, and the most that may. */
  readonly items: number;
  readonly itemsMax: number;
  readonly bytes: number;
  readonly bytesMax: number;
}

export type Refusal = "deadline" | "queueItemsMax" | "queueBytesMax";

/** Why the request is refused, or `undefined` when it may wait. */
export function admit(ask: AdmissionAsk, queue: QueueView, nowMs: number): Refusal | undefined {
  if (ask.deadlineAtMs <= nowMs) return "deadline";
  if (queue.items + ask.items > queue.itemsMax) return "queueItemsMax";
  if (queue.bytes + ask.bytes > queue.bytesMax) return "queueBytesMax";
  return undefined;
}

/** The answer to a refused request: names the limit, what waits and what was asked. */
export function refusalError(refusal: Refusal, ask: AdmissionAsk, queue: QueueView): ServingError {
  switch (refusal) {
    case "deadline":
      return deadlineError();
    case "queueItemsMax":
      return new ServingError(
        "QUEUE_FULL",
        `the queue is full: ${queue.items} items wait, ${ask.items} more are over ` +
          `queueItemsMax ${queue.itemsMax}`,
      );
    case "queueBytesMax":
      return new ServingError(
        "QUEUE_FULL",
        `the queue is full: ${queue.bytes} bytes wait, ${ask.bytes} more are over ` +
          `queueBytesMax ${queue.bytesMax}`,
      );
  }
}

export function deadlineError(): ServingError {
  return new ServingError("DEADLINE_EXCEEDED", "the deadline passed before the answer was ready");
}

/** Ms until the first instance is tried to be started; 0 while one is ready or starting. */
export function startsInMs(instances: readonly Instance[]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const instance of instances) {
    if (instance.isReady) return 0;
    first = Math.min(first, instance.startsInMs);
  }
  return first;
}

/** True when a request is not to wait for a start that is `waitMs` away. */
export function isTooLongAway(waitMs: number, deadlineAtMs: number, nowMs: number): boolean {
  return waitMs > startWaitMsMax || (waitMs > 0 && nowMs + waitMs >= deadlineAtMs);
}

/** The answer to such a request. */
export function awayError(waitMs: number): ServingError {
  const retryAfterS = Math.max(1, Math.ceil(waitMs / 1000));
  const message = `no worker has this model now: the next try is in ${retryAfterS} s`;
  return new ServingError("MODEL_NOT_READY", message, { retryAfterS });
}
