/**
 * Runs parsing and writing of large bodies in threads, so that the loop goes on answering.
 *
 * A thread starts with the first job; a second one when a job finds the first busy. Each takes one
 * job at a time, so a job that has not begun can still be dropped when its caller leaves. Threads
 * here run only our own JavaScript (never an engine), so ending one is safe; one that has had no
 * job for a while is ended, because its heap gives nothing back by itself. Invariants: every job
 * settles exactly once; a thread that dies costs the job it had (INTERNAL) and is replaced by the
 * next job. The process may exit while threads idle.
 */
import { Worker } from "node:worker_threads";
import {
  BoundedQueue,
  type Cancellation,
  ServingError,
  systemClock,
  type Timer,
} from "../../base/index.ts";
import { pack, unpack } from "./pack.ts";

export interface OffloadLimits {
  /** Threads at once, >= 1. */
  readonly threadsMax: number;
  /** Jobs that wait for a thread, >= 1. */
  readonly jobsMax: number;
  /** A thread without a job is ended after this time, ms. */
  readonly idleMsMax: number;
}

const defaultOffloadLimits: OffloadLimits = {
  threadsMax: 2,
  jobsMax: 64,
  idleMsMax: 4_000,
};

export interface OffloadJob {
  /** A task of the entry module. */
  readonly task: string;
  readonly payload: unknown;
  /** A buffer in the payload that is handed over; it is empty afterwards. */
  readonly given?: ArrayBufferLike;
  /** Drops the job if it has not begun. */
  readonly cancellation?: Cancellation;
}

export interface Offload {
  /**
   * What the task answers.
   * @throws OVERLOADED when too many jobs wait, INTERNAL when the thread died, and what the task
   *   throws
   */
  run(job: OffloadJob): Promise<unknown>;
  /** Ends the threads; jobs under way or waiting fail with DRAINING. */
  close(): Promise<void>;
}

interface Pending {
  readonly job: OffloadJob;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ServingError) => void;
}

interface Thread {
  readonly worker: Worker;
  pending: Pending | undefined;
  /** Ends it when no job comes. */
  retirement: Timer | undefined;
}

/** What a thread answers. */
export type OffloadReply =
  | { readonly isError: false; readonly value: unknown }
  | { readonly isError: true; readonly value: unknown };

/** Makes a pool whose threads run `entry`, a module that calls `serveOffload`. */
export function createOffload(entry: URL, limits: OffloadLimits = defaultOffloadLimits): Offload {
  return new ThreadPool(entry, limits);
}

class ThreadPool implements Offload {
  readonly #entry: URL;
  readonly #limits: OffloadLimits;
  readonly #waiting: BoundedQueue<Pending>;
  /** At most `threadsMax`. */
  #threads: Thread[] = [];
  #isClosed = false;

  constructor(entry: URL, limits: OffloadLimits) {
    this.#entry = entry;
    this.#limits = limits;
    this.#waiting = new BoundedQueue(limits.jobsMax);
  }

  run(job: OffloadJob): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const pending: Pending = { job, resolve, reject };
    const reason = job.cancellation?.reason;
    if (this.#isClosed) reject(closed());
    else if (reason !== undefined) reject(reason);
    else if (this.#waiting.push(pending)) {
      job.cancellation?.onCancel((why) => this.#drop(pending, why));
      this.#next();
    } else {
      const { jobsMax } = this.#limits;
      const message = `${jobsMax} large bodies wait for a thread already: try again`;
      reject(new ServingError("OVERLOADED", message));
    }
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (let each = this.#waiting.shift(); each !== undefined; each = this.#waiting.shift()) {
      each.reject(closed());
    }
    const threads = this.#threads;
    this.#threads = [];
    for (const { pending, retirement } of threads) {
      retirement?.cancel();
      pending?.reject(closed());
    }
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
  }

  #drop(pending: Pending, reason: ServingError): void {
    this.#waiting.retain((each) => each !== pending);
    // A job under way goes on; its answer finds a promise that is settled.
    pending.reject(reason);
  }

  /** Gives waiting jobs to free threads, and starts a thread when there is none. */
  #next(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#threads.find((each) => each.pending === undefined) ?? this.#start();
      if (thread === undefined) return;
      const pending = this.#waiting.shift();
      if (pending !== undefined) this.#begin(thread, pending);
    }
  }

  #begin(thread: Thread, pending: Pending): void {
    const { task, payload, given } = pending.job;
    try {
      const { value, transfer } = pack(payload, (buffer) => buffer === given);
      thread.worker.postMessage({ task, payload: value }, transfer);
      thread.retirement?.cancel();
      thread.retirement = undefined;
      thread.pending = pending;
      thread.worker.ref();
    } catch (thrown) {
      pending.reject(ServingError.from(thrown));
    }
  }

  #start(): Thread | undefined {
    if (this.#threads.length >= this.#limits.threadsMax || this.#isClosed) return undefined;
    // No variables of ours: a parser needs none.
    const worker = new Worker(this.#entry, { name: "offload", env: {} });
    const thread: Thread = { worker, pending: undefined, retirement: undefined };
    this.#threads.push(thread);
    worker.on("message", (reply: OffloadReply) => this.#answered(thread, reply));
    worker.on("error", (thrown) => this.#died(thread, thrown));
    worker.on("exit", (status) => this.#died(thread, new Error(`thread exit ${status}`)));
    worker.unref();
    return thread;
  }

  #answered(thread: Thread, reply: OffloadReply): void {
    const { pending } = thread;
    thread.pending = undefined;
    thread.worker.unref();
    const value = unpack(reply.value);
    if (reply.isError) pending?.reject(ServingError.from(value));
    else pending?.resolve(value);
    this.#next();
    if (thread.pending === undefined) this.#retireLater(thread);
  }

  #retireLater(thread: Thread): void {
    thread.retirement = systemClock.after(this.#limits.idleMsMax, () => {
      if (thread.pending !== undefined) return;
      this.#threads = this.#threads.filter((each) => each !== thread);
      void thread.worker.terminate();
    });
  }

  #died(thread: Thread, cause: unknown): void {
    this.#threads = this.#threads.filter((each) => each !== thread);
    const { pending } = thread;
    thread.pending = undefined;
    thread.retirement?.cancel();
    pending?.reject(ServingError.from(cause));
    if (!this.#isClosed) this.#next();
  }
}

function closed(): ServingError {
  return new ServingError("DRAINING", "the server is stopping: try another one");
}
