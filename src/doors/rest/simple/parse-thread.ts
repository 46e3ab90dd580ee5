/**
 * Reads bodies of the simple dialect that are too large for the event loop, in a thread.
 *
 * The body is copied, not handed over: when it turns out to name another version it is read again.
 */
import type { Cancellation } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import type { Offload } from "../../../tensor/index.ts";
import { createThreads } from "../offload/threads.ts";
import type { CallJob, CallLimits, CallPlan, CallSlice, ReadCall } from "./batch/calls.ts";
import type { DecodeRules, SimpleRequest } from "./decode.ts";
import type { SimpleNames } from "./names.ts";

/** What all jobs have. */
interface Job {
  readonly bytes: Buffer;
  /** Drops the job if it has not begun when the caller leaves. */
  readonly cancellation?: Cancellation;
}

export interface ParseJob extends Job {
  readonly plan: SimplePlan;
  readonly rules: DecodeRules;
}

export interface NamesJob extends Job {
  readonly jsonDepthMax: number;
}

export interface SliceJob extends Job {
  readonly limits: CallLimits;
}

export interface DecodeCallsJob extends Job {
  readonly calls: readonly CallJob[];
  readonly plans: readonly CallPlan[];
}

export interface ParseThread {
  /** The pool behind it, which serves all dialects of the door. */
  readonly threads: Offload;
  /** @throws what `decodeSimple` throws, OVERLOADED, INTERNAL (the thread died) */
  decode(job: ParseJob): Promise<SimpleRequest>;
  /** @throws what `readNames` throws, OVERLOADED, INTERNAL (the thread died) */
  names(job: NamesJob): Promise<SimpleNames>;
  /** @throws what `sliceCalls` throws, OVERLOADED, INTERNAL (the thread died) */
  slice(job: SliceJob): Promise<readonly CallSlice[]>;
  /** @throws OVERLOADED, INTERNAL (the thread died) */
  decodeCalls(job: DecodeCallsJob): Promise<readonly ReadCall[]>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** The parsing threads of one door; none starts before the first large body. */
export function createParseThread(): ParseThread {
  const threads = createThreads();
  const run = (task: string, { cancellation, ...payload }: Job): Promise<unknown> =>
    threads.run({ task, payload, ...(cancellation === undefined ? {} : { cancellation }) });
  return {
    threads,
    decode: async (job) => (await run("decodeSimple", job)) as SimpleRequest,
    names: async (job) => (await run("readNames", job)) as SimpleNames,
    slice: async (job) => (await run("sliceCalls", job)) as CallSlice[],
    decodeCalls: async (job) => (await run("decodeCalls", job)) as ReadCall[],
    close: () => threads.close(),
  };
}
