/**
 * A stream of requests whose replies leave in the order of the requests.
 *
 * Each message is work of its own, so a stream's requests share batches with everybody's. Reading
 * pauses while `pendingMax` requests wait or the caller does not read its replies, so a slow reader
 * holds `streamBufferBytesMax` and what is under way, and nobody else up: what is ready meanwhile
 * counts as waiting on its connection, and is refused where there is no place. Invariants: replies
 * leave in order; each piece of work ends once; after the end of the call nothing is sent.
 */
import { ServingError } from "../../base/index.ts";
import type { Service } from "../../service/index.ts";
import { bytesOf } from "./encode.ts";
import type { MethodCall, StreamReader } from "./method.ts";
import { enterStream } from "./open-streams.ts";
import type { Work } from "./transport/work.ts";

/** One message: a frame, and the bytes that follow it. */
export interface ReplyFrame {
  readonly frame: Buffer;
  readonly rest: readonly Uint8Array[];
}

/** What replies need of their call. */
export type RepliesCall = Omit<MethodCall, "headers" | "reply">;

export interface RepliesOptions {
  readonly call: RepliesCall;
  readonly service: Pick<Service, "admit" | "limits" | "streams">;
  answer(work: Work, message: Buffer): Promise<ReplyFrame>;
  /** What is sent instead of an answer; `undefined` ends the stream with the error. */
  failed(thrown: unknown, message: Buffer): ReplyFrame | undefined;
}

/** Requests of one stream under way. */
const pendingMax = 64;

interface Pending {
  readonly work: Work;
  reply: ReplyFrame | undefined;
  /** Ends the stream when its turn comes. */
  error: ServingError | undefined;
  isSettled: boolean;
  /** It is being sent. */
  isTaken: boolean;
  /** What of it counts as waiting. */
  keptBytes: number;
}

export class OrderedReplies implements StreamReader {
  readonly #options: RepliesOptions;
  /** In the order of the requests; `pendingMax` and what one chunk held. */
  readonly #pending: Pending[] = [];
  readonly #leave: () => void;
  /** Of replies that are ready and wait for their turn or for the reader. */
  #keptBytes = 0;
  #isHalfClosed = false;
  #isEnded = false;
  #isSending = false;
  /** Something may be sent that was not looked at yet. */
  #isAsked = false;

  /** @throws OVERLOADED when streamsMax are open */
  constructor(options: RepliesOptions) {
    this.#options = options;
    this.#leave = enterStream(options.service, options.call);
  }

  message(bytes: Buffer): void {
    const { call, answer, failed } = this.#options;
    if (this.#isRefused()) return;
    const work = call.newWork();
    const pending = this.#begin(work);
    if (this.#pending.length >= pendingMax) call.pause();
    const settled = (reply: ReplyFrame | undefined, thrown?: unknown): void => {
      const error = reply === undefined ? ServingError.from(thrown) : undefined;
      pending.reply = reply;
      pending.error = error;
      pending.isSettled = true;
      this.#flush();
      if (!pending.isTaken) this.#keep(pending, lengthOf(reply));
    };
    const refused = (thrown: unknown): void => {
      const error = ServingError.from(thrown);
      work.end(error.code, error);
      settled(failed(thrown, bytes), thrown);
    };
    answer(work, bytes).then((reply) => {
      const refusal = call.refusalOf(lengthOf(reply));
      if (refusal !== undefined) {
        refused(refusal);
        return;
      }
      work.end("OK");
      settled(reply);
    }, refused);
  }

  /** Counts the bytes of a reply that is ready and waits. */
  #keep(pending: Pending, bytes: number): void {
    if (this.#isEnded || pending.keptBytes === bytes) return;
    this.#keptBytes += bytes - pending.keptBytes;
    pending.keptBytes = bytes;
    this.#options.call.keep(this.#keptBytes);
  }

  #begin(work: Work): Pending {
    const pending: Pending = {
      ...{ work, reply: undefined, error: undefined, keptBytes: 0 },
      ...{ isSettled: false, isTaken: false },
    };
    this.#pending.push(pending);
    return pending;
  }

  /** A server that stops answers what it has, then ends the stream. */
  #isRefused(): boolean {
    const { call, service } = this.#options;
    try {
      service.admit();
      return false;
    } catch (thrown) {
      call.pause();
      const error = ServingError.from(thrown);
      Object.assign(this.#begin(call.work), { error, isSettled: true });
      this.#flush();
      return true;
    }
  }

  halfClosed(): void {
    this.#isHalfClosed = true;
    this.#flush();
  }

  ended(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#leave();
    const error = new ServingError("CANCELLED", "the caller left");
    for (const { work } of this.#pending) work.abandon(error);
    this.#pending.length = 0;
  }

  #flush(): void {
    this.#isAsked = true;
    if (this.#isSending || this.#isEnded) return;
    this.#isSending = true;
    this.#sendWhileAsked().catch((thrown: unknown) => this.#options.call.fail(thrown));
  }

  /** Looks again for what was settled, or whole, while it was about to end. */
  async #sendWhileAsked(): Promise<void> {
    try {
      while (this.#isAsked && !this.#isEnded) {
        this.#isAsked = false;
        await this.#sendSettled();
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #sendSettled(): Promise<void> {
    const { call, service } = this.#options;
    for (let head = this.#pending[0]; head?.isSettled === true; head = this.#pending[0]) {
      this.#pending.shift();
      const { reply, error } = head;
      head.isTaken = true;
      this.#keep(head, 0);
      if (reply === undefined) {
        this.ended();
        call.fail(error);
        return;
      }
      await call.send(reply.frame, reply.rest);
      if (this.#isEnded) return;
      if (call.unsentBytes > service.limits.streamBufferBytesMax) {
        call.pause();
        await call.drained();
      }
    }
    if (this.#isEnded) return;
    if (this.#pending.length < pendingMax) call.resume();
    if (this.#isHalfClosed && this.#pending.length === 0) {
      this.ended();
      call.finish();
    }
  }
}

function lengthOf(reply: ReplyFrame | undefined): number {
  return reply === undefined ? 0 : bytesOf(reply.frame, reply.rest);
}
