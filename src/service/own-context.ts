/**
 * The context of a request that the server makes itself.
 */
import { Cancellation } from "../base/index.ts";
import type { RequestContext } from "../predict/index.ts";

/** @param msMax how long the answer is waited for, ms */
export function ownContext(requestId: string, nowMs: number, msMax: number): RequestContext {
  return {
    requestId,
    deadlineAtMs: nowMs + msMax,
    priority: 0,
    cancellation: new Cancellation(),
    times: {
      arrivedAtMs: nowMs,
      decodedAtMs: nowMs,
      sentAtMs: 0,
      answeredAtMs: 0,
      runMs: 0,
      batchItems: 0,
    },
  };
}
