/**
 * One request of HTTP as a gRPC call (gRPC-Web): messages in, messages out, and the status as a
 * frame behind them, because a page cannot read trailers.
 *
 * Differs from a stream of HTTP/2 in what carries it and in nothing that a method sees.
 * Invariants as there: the status is sent once; each piece of work ends in the books once; a caller
 * who leaves, or whose time is over, cancels what is under way. A caller sends one message: a
 * browser sends its request whole before it reads, so methods that take a stream are refused.
 * One file because each method turns on what was sent and what is still to come, as there.
 */
import { type Compression, compress, ServingError } from "../../../base/index.ts";
import { judgeReading, type Mark } from "../../../transport/index.ts";
import { bytesOf, framePrefix } from "../encode.ts";
import { acceptEncoding, errorTrailers } from "../errors.ts";
import type { CallHeaders } from "../http2/headers/call-headers.ts";
import type { Method, MethodCall, StreamReader } from "../method.ts";
import type { CallSettings } from "../transport/call.ts";
import { compressionOf, Incoming, type IncomingSink } from "../transport/incoming.ts";
import { prefixBytes } from "../transport/messages.ts";
import type { OpenCall } from "../transport/open-call.ts";
import { Work } from "../transport/work.ts";
import { Base64Text } from "./base64-text.ts";
import { replyFormatOf, type WebFormat } from "./content-type.ts";
import { trailerFrame } from "./trailer-frame.ts";
import type { WebPeer, WebSink } from "./web-peer.ts";

export interface WebCallParts {
  readonly peer: WebPeer;
  readonly format: WebFormat;
  readonly settings: CallSettings;
  readonly requestId: string;
  /** What a page must be told to read the reply. */
  readonly corsHeaders: Readonly<Record<string, string>>;
}

/** Messages below this are sent as they are. */
const compressBytesMin = 1024;
/** How long what still comes of an answered request is read and dropped, ms. */
const dropMsMax = 1_000;

export class WebCall implements MethodCall, OpenCall, WebSink, IncomingSink {
  readonly headers: CallHeaders;
  /** The work of a unary call; of a stream the part that is no message's. */
  readonly work: Work;
  readonly #peer: WebPeer;
  readonly #settings: CallSettings;
  readonly #parts: WebCallParts;
  readonly #replyFormat: WebFormat;
  /** Reads a body in base64. */
  readonly #text: Base64Text | undefined;
  #incoming: Incoming | undefined;
  #method: Method | undefined;
  #reader: StreamReader | undefined;
  #encoding: Compression | undefined;
  /** Handed on once the request is whole, so that one of several is not answered. */
  #message: Buffer | undefined;
  #isWhole = false;
  #onClosed: (() => void) | undefined;
  #isStarted = false;
  #isEnded = false;
  #isPaused = false;
  #isHeldBack = false;
  /** What its reader had taken when that last changed, as far as looks have seen it. */
  #reply: Mark | undefined;
  /** When a look first found its reply sent and its caller sending on. */
  #sentAtMs: number | undefined;

  constructor(parts: WebCallParts) {
    const { peer, settings, requestId, format } = parts;
    this.#parts = parts;
    this.#peer = peer;
    this.#settings = settings;
    this.headers = peer.headers;
    this.work = new Work(settings, { requestId, path: peer.path });
    this.#replyFormat = replyFormatOf(format, peer.headers["accept"] ?? "");
    this.#text = format.isText ? new Base64Text() : undefined;
    peer.hear(this);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isOpenStream(): boolean {
    return this.#reader !== undefined && !this.#isEnded;
  }

  get isIncomplete(): boolean {
    return !this.#isWhole && !this.#isEnded;
  }

  get unsentBytes(): number {
    return this.#peer.unsentBytes;
  }

  get line(): object {
    return this.#peer.line;
  }

  /** @throws UNSUPPORTED for a stream of requests and a compression that is not read here */
  open(method: Method): void {
    this.#method = method;
    if (method.kind === "stream" && method.isClientStream) throw noClientStreams();
    checkBodyEncoding(this.headers["content-encoding"]);
    this.#encoding = compressionOf(this.headers["grpc-encoding"]);
    if (method.kind === "stream") this.#reader = method.open(this);
    const { limits } = this.#settings;
    this.#incoming = new Incoming(this, { encoding: this.#encoding, limits });
  }

  chunk(bytes: Buffer): void {
    if (this.#isEnded) return;
    try {
      const plain = this.#text === undefined ? bytes : this.#text.push(bytes);
      this.#incoming?.take(plain, 0, plain.length);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  halfClosed(): void {
    if (this.#text?.isWhole === false) {
      this.fail(new ServingError("INVALID_REQUEST", "the request ended inside its base64"));
    }
    this.#incoming?.halfClose();
  }

  newWork(): Work {
    throw new RangeError("a call of a browser has one message and no work beside its own");
  }

  deliver(bytes: Buffer): void {
    if (this.#message !== undefined) {
      throw new ServingError("INVALID_REQUEST", "the call has several messages, expected one");
    }
    this.#settings.received(bytes.length);
    this.#message = bytes;
  }

  requestIsWhole(): void {
    const bytes = this.#message;
    if (bytes === undefined) {
      throw new ServingError("INVALID_REQUEST", "the call has no message, expected one");
    }
    this.#isWhole = true;
    if (this.#method?.kind === "unary") this.#method.handle(this, bytes);
    this.#reader?.message(bytes);
    this.#reader?.halfClosed();
  }

  pause(): void {
    this.#isPaused = true;
    this.#peer.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isHeldBack) this.#peer.resume();
  }

  holdBack(isHeld: boolean): void {
    this.#isHeldBack = isHeld;
    if (isHeld) this.#peer.pause();
    else if (!this.#isPaused) this.#peer.resume();
  }

  async drained(): Promise<void> {
    if (!this.#peer.needsDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#peer.onDrain(resolve);
    this.#onClosed = resolve;
    await promise;
    this.#onClosed = undefined;
  }

  reply(frame: Buffer, rest: readonly Uint8Array[] = []): void {
    if (this.#isEnded) return;
    const refusal = this.refusalOf(bytesOf(frame, rest));
    if (refusal !== undefined) {
      this.fail(refusal);
      return;
    }
    if (this.#encoding === undefined) {
      this.#write([frame, ...rest]);
      this.finish();
      return;
    }
    this.send(frame, rest).then(
      () => this.finish(),
      (thrown: unknown) => this.fail(thrown),
    );
  }

  /** One message is asked for at a time, so nothing is ready ahead of its turn. */
  keep(): void {}

  refusalOf(bytes: number): ServingError | undefined {
    return this.#peer.refusalOf(bytes);
  }

  async send(frame: Buffer, rest: readonly Uint8Array[] = []): Promise<void> {
    if (this.#isEnded) return;
    const refusal = this.refusalOf(bytesOf(frame, rest));
    if (refusal !== undefined) throw refusal;
    const encoding = this.#encoding;
    if (encoding === undefined || (rest.length === 0 && frame.length < compressBytesMin)) {
      this.#write([frame, ...rest]);
      return;
    }
    const compressed = await compress(
      Buffer.concat([frame.subarray(prefixBytes), ...rest]),
      encoding,
    );
    if (!this.#isEnded) this.#write([framePrefix(compressed.length, true), compressed]);
  }

  finish(): void {
    this.#end({ "grpc-status": "0" });
    this.work.end("OK");
  }

  fail(thrown: unknown): void {
    const error = ServingError.from(thrown);
    if (!this.#isEnded) {
      const isAboutEncoding = error.field === "grpc-encoding";
      this.#end({
        ...errorTrailers(error, this.work.requestId),
        ...(isAboutEncoding ? { "grpc-accept-encoding": acceptEncoding } : {}),
      });
      this.#reader?.ended();
      // What still comes is read and dropped until the caller stops.
      this.#peer.resume();
    }
    this.work.end(error.code, error);
  }

  expire(): void {
    const error = new ServingError("DEADLINE_EXCEEDED", "the deadline has passed");
    this.work.cancellation.cancel(error);
    this.fail(error);
  }

  isUnread(nowMs: number, msMax: number): boolean {
    const { progress } = this.#peer;
    if (progress === undefined) {
      this.#reply = undefined;
      return false;
    }
    const now = { atMs: nowMs, bytes: progress };
    const mark = judgeReading(this.#reply ?? now, now, msMax);
    if (mark !== "stuck") this.#reply = mark;
    return mark === "stuck";
  }

  cut(): void {
    this.#peer.cut();
  }

  tidyUp(nowMs: number): void {
    if (!this.#peer.isSent) return;
    this.#sentAtMs ??= nowMs;
    if (nowMs - this.#sentAtMs > dropMsMax) this.#peer.cut();
  }

  closed(): void {
    this.#settings.closed(this);
    this.#isEnded = true;
    this.#onClosed?.();
    this.#reader?.ended();
    if (!this.work.isOver) this.work.abandon(new ServingError("CANCELLED", "the caller left"));
  }

  /** Sends the status; later calls send nothing. */
  #end(trailers: Readonly<Record<string, string>>): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#write([trailerFrame(trailers)]);
    this.#peer.end();
  }

  #write(parts: readonly Uint8Array[]): void {
    this.#start();
    if (this.#replyFormat.isText) this.#peer.write(Buffer.concat(parts).toString("base64"));
    else for (const part of parts) this.#peer.write(part);
  }

  /** Sends the headers, once. */
  #start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#peer.head(200, {
      "content-type": this.#replyFormat.contentType,
      "x-request-id": this.work.requestId,
      ...(this.#encoding === undefined ? {} : { "grpc-encoding": this.#encoding }),
      ...this.#parts.corsHeaders,
    });
  }
}

function noClientStreams(): ServingError {
  const message =
    "the method takes a stream of messages, and gRPC-Web carries one: call it over gRPC (HTTP/2)";
  return new ServingError("UNSUPPORTED", message);
}

/** Messages are compressed one by one, never the body as a whole. */
function checkBodyEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding === "identity") return;
  const message =
    "header 'content-encoding': expected none; messages are compressed by 'grpc-encoding'";
  throw new ServingError("UNSUPPORTED", message, { field: "content-encoding" });
}
