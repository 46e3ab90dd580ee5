/**
 * One HTTP/2 stream as a gRPC call: messages in, messages out, one status.
 *
 * Invariants: the status is sent at most once; each piece of work ends in the books exactly once;
 * a caller who leaves, or whose time is over, cancels what is under way. A reply is compressed only
 * for a caller who compressed, and then in the same way. One file because each of its methods turns
 * on the same few facts: what was sent, what is still to come, who waits.
 */
import {
  type Compression,
  compress,
  errorTable,
  type Limits,
  ServingError,
} from "../../../base/index.ts";
import { judgeReading, type Mark } from "../../../transport/index.ts";
import { bytesOf, framePrefix } from "../encode.ts";
import { acceptEncoding, errorTrailers } from "../errors.ts";
import type { CallStream, StreamSink } from "../http2/call-stream.ts";
import { errorCode } from "../http2/fault.ts";
import type { CallHeaders } from "../http2/headers/call-headers.ts";
import { blockAhead, type HeadBlock, headerBlock } from "../http2/headers/header-encoder.ts";
import type { Method, MethodCall, StreamReader } from "../method.ts";
import { compressionOf, Incoming } from "./incoming.ts";
import { prefixBytes } from "./messages.ts";
import type { OpenCall } from "./open-call.ts";
import { Work, type WorkSettings } from "./work.ts";

/** What all calls of one server have in common. */
export interface CallSettings extends WorkSettings {
  readonly limits: Limits;
  /** A piece of work was let in that a stop waits for. */
  began(work: Work): void;
  /** A message came; its bytes, inflated. */
  received(bytes: number): void;
  /** The call is closed: nothing of it is held any more. */
  closed(call: OpenCall): void;
}

export interface CallParts {
  readonly stream: CallStream;
  readonly headers: CallHeaders;
  readonly settings: CallSettings;
  readonly requestId: string;
  readonly path: string;
}

const contentType = "application/grpc";
const okTrailers: HeadBlock = { fixed: headerBlock({ "grpc-status": 0 }), text: undefined };
const plainHead = headAhead({});
const packedHeads = {
  gzip: headAhead({ "grpc-encoding": "gzip" }),
  deflate: headAhead({ "grpc-encoding": "deflate" }),
};
/** Messages below this are sent as they are. */
const compressBytesMin = 1024;
/** How long a caller may send on after the status, ms. */
const statusMsMax = 100;

export class Call implements StreamSink, MethodCall, OpenCall {
  readonly headers: CallHeaders;
  /** The work of a unary call; of a stream the part that is no message's. */
  readonly work: Work;
  readonly #stream: CallStream;
  readonly #settings: CallSettings;
  #incoming: Incoming | undefined;
  #method: Method | undefined;
  #reader: StreamReader | undefined;
  #encoding: Compression | undefined;
  #messages = 0;
  #isStarted = false;
  #isEnded = false;
  #isPaused = false;
  #isHeldBack = false;
  /** What its reader had taken when that last changed, as far as looks have seen it. */
  #reply: Mark | undefined;
  /** When a look first found its status sent and its caller sending on. */
  #statusAtMs: number | undefined;

  constructor({ stream, headers, settings, requestId, path }: CallParts) {
    this.#stream = stream;
    this.headers = headers;
    stream.sink = this;
    this.#settings = settings;
    this.work = new Work(settings, { requestId, path });
  }

  /** True once a status was sent, or nobody is there to read one. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** True while it is a stream that somebody may still use. */
  get isOpenStream(): boolean {
    return this.#reader !== undefined && !this.#isEnded;
  }

  /** True while a unary call has no whole request, so nothing else keeps its time. */
  get isIncomplete(): boolean {
    return this.#reader === undefined && this.#messages === 0 && !this.#isEnded;
  }

  /** Bytes that were written and not taken by the connection yet. */
  get unsentBytes(): number {
    return this.#stream.queuedBytes;
  }

  get line(): object {
    return this.#stream.line;
  }

  /**
   * Says what is done with what arrives. REQUIRES: before anything arrives.
   * @throws UNSUPPORTED for a compression that is not read here, and what the method refuses
   */
  open(method: Method): void {
    this.#method = method;
    this.#encoding = compressionOf(this.headers["grpc-encoding"]);
    if (method.kind === "stream") this.#reader = method.open(this);
    const { limits } = this.#settings;
    this.#incoming = new Incoming(this, { encoding: this.#encoding, limits });
  }

  chunk(bytes: Buffer, at: number, end: number): void {
    this.#incoming?.take(bytes, at, end);
  }

  halfClosed(): void {
    this.#incoming?.halfClose();
  }

  /** One message as work of its own, under the call's terms. */
  newWork(): Work {
    const { requestId, path, hasOwnDeadline, deadlineAtMs, priority } = this.work;
    const work = new Work(this.#settings, { requestId, path });
    if (hasOwnDeadline) {
      work.hasOwnDeadline = true;
      work.deadlineAtMs = deadlineAtMs;
    }
    work.priority = priority;
    this.#settings.began(work);
    return work;
  }

  /** One whole message. */
  deliver(bytes: Buffer): void {
    this.#messages += 1;
    this.#settings.received(bytes.length);
    if (this.#reader !== undefined) this.#reader.message(bytes);
    else if (this.#messages > 1) {
      throw new ServingError("INVALID_REQUEST", "the call has several messages, expected one");
    } else if (this.#method?.kind === "unary") this.#method.handle(this, bytes);
  }

  requestIsWhole(): void {
    if (this.#reader !== undefined) this.#reader.halfClosed();
    else if (this.#messages === 0) {
      throw new ServingError("INVALID_REQUEST", "the call has no message, expected one");
    }
  }

  /** Stops reading until `resume`; what one chunk held still comes. */
  pause(): void {
    this.#isPaused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isHeldBack) this.#stream.resume();
  }

  holdBack(isHeld: boolean): void {
    this.#isHeldBack = isHeld;
    if (isHeld) this.#stream.pause();
    else if (!this.#isPaused) this.#stream.resume();
  }

  /** Settles once what was written has been taken, or the stream is gone. */
  async drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stream.onDrained(resolve);
    await promise;
  }

  /** Answers a unary call with a frame and the bytes that follow it in the same message. */
  reply(frame: Buffer, rest: readonly Uint8Array[] = []): void {
    if (this.#isEnded) return;
    const refusal = this.refusalOf(bytesOf(frame, rest));
    if (refusal !== undefined) {
      this.fail(refusal);
      return;
    }
    if (this.#encoding !== undefined) {
      this.send(frame, rest).then(
        () => this.finish(),
        (thrown: unknown) => this.fail(thrown),
      );
      return;
    }
    this.#isEnded = true;
    this.work.end("OK");
    const stream = this.#stream;
    if (rest.length === 0 && !this.#isStarted) {
      stream.answer({ head: this.#head(), message: frame, trailers: okTrailers });
      return;
    }
    this.#start();
    stream.write(frame);
    for (const part of rest) stream.write(part);
    stream.end(okTrailers);
  }

  onSent(act: () => void): void {
    // A reply that is deflated is read after this turn.
    if (this.#encoding === undefined) this.#stream.onSent(act);
  }

  keep(bytes: number): void {
    this.#stream.keep(bytes);
  }

  refusalOf(bytes: number): ServingError | undefined {
    return this.#stream.refusalOf(bytes);
  }

  /** Sends one message of a stream. @throws REPLIES_UNREAD, and then nothing was sent */
  async send(frame: Buffer, rest: readonly Uint8Array[] = []): Promise<void> {
    if (this.#isEnded) return;
    const refusal = this.refusalOf(bytesOf(frame, rest));
    if (refusal !== undefined) throw refusal;
    this.#start();
    const encoding = this.#encoding;
    if (encoding === undefined || (rest.length === 0 && frame.length < compressBytesMin)) {
      this.#stream.write(frame);
      for (const part of rest) this.#stream.write(part);
      return;
    }
    const message = Buffer.concat([frame.subarray(prefixBytes), ...rest]);
    const compressed = await compress(message, encoding);
    if (this.#isEnded) return;
    this.#stream.write(framePrefix(compressed.length, true));
    this.#stream.write(compressed);
  }

  /** Ends the call with status OK. */
  finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.work.end("OK");
    this.#start();
    this.#stream.end(okTrailers);
  }

  /** Ends the call with an error. */
  fail(thrown: unknown): void {
    const error = ServingError.from(thrown);
    // First: what is written may close the stream, and then it would count as left by its caller.
    this.work.end(error.code, error);
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#writeError(error);
      this.#reader?.ended();
      // What still comes is read and dropped until the caller stops.
      this.#stream.resume();
    }
  }

  #writeError(error: ServingError): void {
    const stream = this.#stream;
    if (stream.isGone) return;
    const trailers = errorTrailers(error, this.work.requestId);
    if (this.#isStarted) {
      stream.end({ fixed: headerBlock(trailers), text: undefined });
      return;
    }
    const accepted =
      error.field === "grpc-encoding" ? { "grpc-accept-encoding": acceptEncoding } : {};
    const head = { ":status": 200, "content-type": contentType, ...accepted, ...trailers };
    stream.respond({ fixed: headerBlock(head), text: undefined }, true);
  }

  /** Its time is over; what is under way is cancelled. */
  expire(): void {
    const error = new ServingError("DEADLINE_EXCEEDED", "the deadline has passed");
    this.work.cancellation.cancel(error);
    this.fail(error);
  }

  isUnread(nowMs: number, msMax: number): boolean {
    const now = { atMs: nowMs, bytes: this.#stream.progress };
    const mark = judgeReading(this.#reply ?? now, now, msMax);
    if (mark !== "stuck") this.#reply = mark;
    return mark === "stuck";
  }

  cut(): void {
    this.#stream.reset(errorCode.cancel);
  }

  /** A caller who sends on behind its status is told to stop, but later: many end by themselves. */
  tidyUp(nowMs: number): void {
    if (!this.#stream.isEnded) return;
    this.#statusAtMs ??= nowMs;
    if (nowMs - this.#statusAtMs > statusMsMax) this.#stream.reset(errorCode.none);
  }

  /** The stream is gone, whoever ended it. */
  closed(): void {
    this.#settings.closed(this);
    this.#isEnded = true;
    this.#reader?.ended();
    // An error is dear, and most calls end well.
    if (!this.work.isOver) this.work.abandon(new ServingError("CANCELLED", "the caller left"));
  }

  /** Sends the headers, once. */
  #start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#stream.respond(this.#head(), false);
  }

  #head(): HeadBlock {
    const fixed = this.#encoding === undefined ? plainHead : packedHeads[this.#encoding];
    return { fixed, text: this.work.requestId };
  }

  /** Refuses what is no gRPC, as HTTP does. */
  refuseHttp(error: ServingError, more: { readonly [name: string]: string } = {}): void {
    this.work.end(error.code, error);
    this.#isEnded = true;
    const head = { ":status": errorTable[error.code].http, ...more };
    this.#stream.respond({ fixed: headerBlock(head), text: undefined }, true);
  }
}

/** The head of a reply up to the request's id. */
function headAhead(more: { readonly [name: string]: string }): Buffer {
  return blockAhead({ ":status": 200, "content-type": contentType, ...more }, "x-request-id");
}
