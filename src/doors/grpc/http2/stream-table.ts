/**
 * The streams of one connection: which are open, how those ended that are not, and what a caller is
 * told who speaks of one that it may not speak of.
 *
 * Invariants: at most `http2StreamsMax` are open; each is told once that it is over; a stream
 * opened after the last word (GOAWAY) is never answered.
 */
import type { Clock } from "../../../base/index.ts";
import { CallStream, type StreamHost } from "./call-stream.ts";
import { ClosedStreams } from "./closed-streams.ts";
import { errorCode, fault, streamClosed } from "./fault.ts";
import type { FloodGuard } from "./flood-guard.ts";
import { frameType } from "./frames.ts";
import type { RequestHead } from "./headers/call-headers.ts";
import type { HeaderList } from "./headers/header-decoder.ts";
import { areTrailers, headOf } from "./headers/request-head.ts";
import type { Sender } from "./sending/sender.ts";

export interface StreamTableParts {
  readonly line: object;
  readonly sender: Sender;
  readonly guard: FloodGuard;
  readonly clock: Pick<Clock, "nowMs">;
  readonly http2StreamsMax: number;
  /** A request began. Sets the sink of the stream; may not throw. */
  opened(stream: CallStream, head: RequestHead): void;
  /** The last open stream is over. */
  emptied(): void;
}

export class StreamTable implements StreamHost {
  readonly line: object;
  readonly sender: Sender;
  readonly #parts: StreamTableParts;
  /** At most `http2StreamsMax`. */
  readonly #open = new Map<number, CallStream>();
  readonly #closed = new ClosedStreams();
  #lastId = 0;
  #isLeaving = false;

  constructor(parts: StreamTableParts) {
    this.#parts = parts;
    this.line = parts.line;
    this.sender = parts.sender;
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** The highest number that was taken. */
  get lastId(): number {
    return this.#lastId;
  }

  /** True once no more are taken. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Those that are open. */
  all(): Iterable<CallStream> {
    return this.#open.values();
  }

  find(id: number): CallStream | undefined {
    return this.#open.get(id);
  }

  /** True for a stream that nobody has opened, so that nothing may be said of it. */
  isIdle(id: number): boolean {
    return id > this.#lastId && !this.#isLeaving;
  }

  /** Takes no more. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** A whole block of headers came. @throws ConnectionFault */
  block(id: number, list: HeaderList, isLast: boolean): void {
    if (id > this.#lastId) {
      this.#begin(id, list, isLast);
      return;
    }
    const stream = this.#open.get(id);
    if (stream === undefined) {
      const known = this.#closed.find(id);
      // What was on its way when the stream was reset here.
      if (known === "reset") return;
      if (known === "ended") throw streamClosed();
      throw fault("a stream with a lower number than one before");
    }
    if (stream.isRemoteEnded) throw streamClosed();
    if (!isLast || !areTrailers(list)) this.breakRule(stream, errorCode.protocol);
    else this.bodyEnds(stream);
  }

  #begin(id: number, list: HeaderList, isBodiless: boolean): void {
    // What was opened after the last word is not answered: the caller was told.
    if (this.#isLeaving) return;
    this.#lastId = id;
    const head = headOf(list);
    if (this.#open.size >= this.#parts.http2StreamsMax) {
      this.#refuse(id, errorCode.refused);
      return;
    }
    if (!head.isFit || (isBodiless && head.contentBytes > 0)) {
      this.#refuse(id, errorCode.protocol);
      return;
    }
    const stream = new CallStream(this, id, head.contentBytes);
    this.#open.set(id, stream);
    this.#parts.opened(stream, head);
    if (isBodiless) stream.arrivedAll();
  }

  #refuse(id: number, code: number): void {
    this.#countReset();
    this.sender.control({ type: frameType.reset, flags: 0, stream: id }, [code]);
    this.#closed.add(id, true);
  }

  #countReset(): void {
    this.#parts.guard.reset(this.#parts.clock.nowMs());
  }

  /**
   * The stream that DATA of `length` bytes is for; `undefined` when nobody wants it any more.
   * @throws ConnectionFault when there never was one
   */
  receiver(id: number, length: number): CallStream | undefined {
    const stream = this.#open.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw fault("DATA on a stream that is not open");
      const isOwed = id <= this.#lastId && this.#closed.find(id) !== "reset";
      if (isOwed) this.#refuse(id, errorCode.streamClosed);
      return undefined;
    }
    if (stream.isRemoteEnded) {
      this.breakRule(stream, errorCode.streamClosed);
      return undefined;
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow >= 0) return stream;
    this.breakRule(stream, errorCode.flowControl);
    return undefined;
  }

  /** The caller has said that its body ends. */
  bodyEnds(stream: CallStream): void {
    if (stream.contentLeft > 0) this.breakRule(stream, errorCode.protocol);
    else stream.arrivedAll();
  }

  /** The caller gave a stream up. */
  callerReset(id: number): void {
    // Also one that is over: it may have been refused or answered in the turn in which it came.
    this.#countReset();
    const stream = this.#open.get(id);
    if (stream !== undefined) this.#close(stream, false);
  }

  /** The caller broke a rule of one stream. */
  breakRule(stream: CallStream, code: number): void {
    this.#countReset();
    this.resetStream(stream, code);
  }

  widen(stream: CallStream, bytes: number): void {
    stream.receiveWindow += bytes;
    this.sender.control({ type: frameType.windowUpdate, flags: 0, stream: stream.id }, [bytes]);
  }

  closeStream(stream: CallStream): void {
    this.#close(stream, false);
  }

  resetStream(stream: CallStream, code: number): void {
    this.sender.control({ type: frameType.reset, flags: 0, stream: stream.id }, [code]);
    this.#close(stream, true);
  }

  /** The connection is over, and with it all of them. */
  closeAll(): void {
    for (const stream of [...this.#open.values()]) this.#close(stream, true);
  }

  #close(stream: CallStream, isReset: boolean): void {
    if (!this.#open.delete(stream.id)) return;
    this.#closed.add(stream.id, isReset);
    this.sender.forget(stream);
    stream.gone();
    if (this.#open.size === 0) this.#parts.emptied();
  }
}
