/**
 * Reads bodies and writes replies of the simple dialect that are too large for the event loop, in a
 * thread.
 *
 * A body is copied, not handed over: when it turns out to name another version it is read again.
 */
import type { Cancellation } from "../../../base/index.ts";
import type { Answer, SimplePlan } from "../../../service/index.ts";
import type { Offload } from "../../../tensor/index.ts";
import { createThreads } from "../offload/threads.ts";
import type { CallJob, CallLimits, CallPlan, CallSlice, ReadCall } from "./batch/calls.ts";
import type { ColumnsJob } from "./batch/write-columns.ts";
import type { DecodeRules, SimpleRequest } from "./decode.ts";
import type { SimpleNames } from "./names.ts";
import type { ReplyFacts } from "./reply.ts";

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

export interface WriteJob {
  readonly answer: Answer;
  readonly facts: ReplyFacts;
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
  /**
   * The whole body of a `/predict` reply, as UTF-8.
   * @throws OUTPUT_NOT_REPRESENTABLE, OVERLOADED, INTERNAL (the thread died)
   */
  write(job: WriteJob, cancellation: Cancellation): Promise<Buffer>;
  /** The columns of a `/batch_predict` reply. @throws OVERLOADED, INTERNAL (the thread died) */
  writeColumns(
    job: ColumnsJob,
    cancellation: Cancellation,
  ): Promise<{ readonly bytes: Buffer; readonly failed: number }>;
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
    async write(payload, cancellation) {
      const written = await threads.run({ task: "writeSimple", payload, cancellation });
      return asBuffer(written as Uint8Array);
    },
    async writeColumns(payload, cancellation) {
      const written = await threads.run({ task: "writeColumns", payload, cancellation });
      const { bytes, failed } = written as { bytes: Uint8Array; failed: number };
      return { bytes: asBuffer(bytes), failed };
    },
    close: () => threads.close(),
  };
}

/** A `Buffer` loses its class on the way. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
