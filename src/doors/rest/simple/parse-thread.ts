/**
 * Reads bodies of the simple dialect that are too large for the event loop, in a thread.
 *
 * The body is copied, not handed over: when it turns out to name another version it is read again.
 */
import type { Cancellation } from "../../../base/index.ts";
import type { Offload } from "../../../tensor/index.ts";
import { createThreads } from "../offload/threads.ts";
import type { DecodeRules, SimpleRequest } from "./decode.ts";
import type { SimplePlan } from "./plan.ts";

export interface ParseJob {
  readonly bytes: Buffer;
  readonly plan: SimplePlan;
  readonly rules: DecodeRules;
  /** Drops the job if it has not begun when the caller leaves. */
  readonly cancellation?: Cancellation;
}

export interface ParseThread {
  /** The pool behind it, which serves all dialects of the door. */
  readonly threads: Offload;
  /** @throws what `decodeSimple` throws, OVERLOADED, INTERNAL (the thread died) */
  decode(job: ParseJob): Promise<SimpleRequest>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** The parsing threads of one door; none starts before the first large body. */
export function createParseThread(): ParseThread {
  const threads = createThreads();
  return {
    threads,
    async decode({ bytes, plan, rules, cancellation }) {
      const request = await threads.run({
        task: "decodeSimple",
        payload: { bytes, plan, rules },
        ...(cancellation === undefined ? {} : { cancellation }),
      });
      return request as SimpleRequest;
    },
    close: () => threads.close(),
  };
}
