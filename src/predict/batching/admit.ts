/**
 * Decides whether a request may wait, and says no at once when it may not.
 *
 * The cheapest check comes first. Limits bound what waits; what is under way is bounded by the
 * batches. Pure: a snapshot, the request's size and a time.
 */
import { ServingError } from "../../base/index.ts";

export interface AdmissionAsk {
  readonly items: number;
  readonly bytes: number;
  readonly deadlineAtMs: number;
}

export interface QueueView {
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
