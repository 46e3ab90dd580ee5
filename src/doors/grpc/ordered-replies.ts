/**
 * A stream of requests whose replies leave in the order of the requests.
 *
 * Each message is work of its own, so a stream's requests share batches with everybody's. Reading
 * pauses while `pendingMax` requests wait or the caller does not read its replies, so a slow reader
 * holds `streamBufferBytesMax` and what is under way, and nobody else up. Invariants: replies leave
 * in order; each piece of work ends once; after the end of the call nothing is sent.
 */
import { ServingError } from "../../base/index.ts";
import type { Service } from "../../service/index.ts";
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
}

export class OrderedReplies implements StreamReader {
  readonly #options: RepliesOptions;
  /** In the order of the requests; `pendingMax` and what one chunk held. */
  readonly #pending: Pending[] = [];
  readonly #leave: () => void;
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
    const pending: Pending = { work, reply: undefined, error: undefined, isSettled: false };
    this.#pending.push(pending);
    if (this.#pending.length >= pendingMax) call.pause();
    const settled = (reply: ReplyFrame | undefined, thrown?: unknown): void => {
      const error = reply === undefined ? ServingError.from(thrown) : undefined;
      pending.reply = reply;
      pending.error = error;
      pending.isSettled = true;
      this.#flush();
    };
    answer(work, bytes).then(
      (reply) => {
        work.end("OK");
        settled(reply);
      },
      (thrown: unknown) => {
        const error = ServingError.from(thrown);
        work.end(error.code, error);
        settled(failed(thrown, bytes), thrown);
      },
    );
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
      this.#pending.push({ work: call.work, reply: undefined, error, isSettled: true });
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
