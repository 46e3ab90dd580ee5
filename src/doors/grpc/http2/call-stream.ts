/**
 * One stream of a connection, as those see it who answer the call on it.
 *
 * What arrives goes to the sink at once; while reading is paused it is kept, at most one window.
 * Invariants: the sink is told once that the stream is closed, and nothing after that; after the
 * last frame nothing is sent.
 */
import type { ServingError } from "../../../base/index.ts";
import { ByteRoom } from "./byte-room.ts";
import type { HeadBlock } from "./headers/header-encoder.ts";
import type { Outbox } from "./sending/outbox.ts";
import type { Sender, WholeReply } from "./sending/sender.ts";
import { streamWindowBytes } from "./windows.ts";

/** Whom a stream's bytes and events are for. */
export interface StreamSink {
  /** Bytes from `at` to `end`. */
  chunk(bytes: Buffer, at: number, end: number): void;
  /** The caller sends no more. */
  halfClosed(): void;
  /** The stream is gone, whoever ended it. */
  closed(): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly sender: Sender;
  /** The connection: the same thing for all its streams. */
  readonly line: object;
  /** Tells the caller that it may send more on this stream. */
  widen(stream: CallStream, bytes: number): void;
  /** Both sides are done, or one has given up. */
  closeStream(stream: CallStream): void;
  resetStream(stream: CallStream, code: number): void;
}

/** What was kept is handed on in pieces of this, so that a pause holds soon. */
const heldPieceBytes = 16 * 1024;

export class CallStream {
  readonly id: number;
  readonly #host: StreamHost;
  /** Set by who answers, before anything is read. */
  sink: StreamSink | undefined;
  /** What may be sent; below 0 after the peer made its windows smaller. */
  sendWindow: number;
  /** Sent once the queue is empty. */
  trailers: HeadBlock | undefined;
  /** What the caller may still send. */
  receiveWindow = streamWindowBytes;
  /** Bytes that `content-length` promises still; -1 when nothing was said. */
  contentLeft: number;
  /** The caller sends no more. */
  isRemoteEnded = false;
  /** The last bytes are here, so the caller needs no more room. */
  isAllSent = false;
  #isEnded = false;
  #isGone = false;
  #isPaused = false;
  #isEndHeld = false;
  #held: ByteRoom | undefined;
  /** Read and not yet given back to the caller's window. */
  #taken = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #movedBytes = 0;
  #keptBytes = 0;
  /** Bytes that the sender has counted as waiting for the reader. */
  countedBytes = 0;
  #onDrained: (() => void) | undefined;

  constructor(host: StreamHost, id: number, contentBytes: number) {
    this.#host = host;
    this.id = id;
    this.contentLeft = contentBytes;
    this.sendWindow = host.sender.initialWindow;
  }

  /** The connection that it belongs to. */
  get line(): object {
    return this.#host.line;
  }

  /** True once it is closed. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** True once the last frame was handed to the connection. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Bytes that wait for the caller's windows or the socket. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes that have left for the connection. */
  get movedBytes(): number {
    return this.#movedBytes;
  }

  /** A number that stays the same while its reader takes nothing of what waits. */
  get progress(): number {
    return this.#host.sender.progressOf(this);
  }

  /** Bytes that are ready and were not written yet, because the reader is behind. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Says how many bytes are ready and not written. */
  keep(bytes: number): void {
    if (this.#isGone) return;
    this.#keptBytes = bytes;
    this.#host.sender.count(this);
  }

  /** The error that `bytes` more are refused with; `undefined` where there is a place for them. */
  refusalOf(bytes: number): ServingError | undefined {
    const { sender } = this.#host;
    return sender.admits(this, bytes) ? undefined : sender.refusal(bytes);
  }

  get hasUnsent(): boolean {
    return this.#queuedBytes > 0 || this.trailers !== undefined;
  }

  /** Sends the first headers; `isLast` when they are all. */
  respond(head: HeadBlock, isLast: boolean): void {
    if (!this.#isGone) this.#host.sender.headers(this, head, isLast);
  }

  /** Sends some of the body. REQUIRES: nobody changes the bytes afterwards. */
  write(bytes: Uint8Array): void {
    if (this.#isGone || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#host.sender.pump(this);
  }

  /** Ends the body. */
  end(trailers: HeadBlock): void {
    if (this.#isGone) return;
    this.trailers = trailers;
    this.#host.sender.pump(this);
  }

  /** Sends all of a reply. REQUIRES: nothing was sent before. */
  answer(reply: WholeReply): void {
    if (this.#isGone || this.#host.sender.whole(this, reply)) return;
    this.respond(reply.head, false);
    this.write(reply.message);
    this.end(reply.trailers);
  }

  /** Gives it up. @param code of the protocol */
  reset(code: number): void {
    if (!this.#isGone) this.#host.resetStream(this, code);
  }

  /** Calls `act` once, when nothing waits to be sent or the stream is gone. */
  onDrained(act: () => void): void {
    if (this.#isGone || this.#queuedBytes === 0) act();
    else this.#onDrained = act;
  }

  /** Calls `act` once the system has taken all that was written; never when that fails. */
  onSent(act: () => void): void {
    this.onDrained(() => this.#host.sender.onTaken(act));
  }

  /** Stops to hand on what comes, until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#handOn(held.take());
    if (this.#isPaused || this.#isGone || !this.#isEndHeld || this.#held !== undefined) return;
    this.#isEndHeld = false;
    this.sink?.halfClosed();
  }

  #handOn(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isPaused && !this.#isGone) {
      const end = Math.min(bytes.length, at + heldPieceBytes);
      this.#give(bytes, at, end);
      at = end;
    }
    if (at < bytes.length) this.#hold(bytes, at, bytes.length);
  }

  #hold(bytes: Buffer, at: number, end: number): void {
    this.#held ??= new ByteRoom();
    this.#held.add(bytes, at, end);
  }

  #give(bytes: Buffer, at: number, end: number): void {
    this.sink?.chunk(bytes, at, end);
    this.#giveBack(end - at);
  }

  #giveBack(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < streamWindowBytes / 2 || this.isAllSent || this.#isGone) return;
    this.#host.widen(this, this.#taken);
    this.#taken = 0;
  }

  /** Some of the body came; called by the connection. */
  arrived(bytes: Buffer, at: number, end: number): void {
    if (this.#isPaused || this.#held !== undefined) this.#hold(bytes, at, end);
    else this.#give(bytes, at, end);
  }

  /** Bytes of a frame that are no content; they count in the window. */
  padded(bytes: number): void {
    this.#giveBack(bytes);
  }

  /** The caller sends no more; called by the connection. */
  arrivedAll(): void {
    this.isRemoteEnded = true;
    this.isAllSent = true;
    if (this.#held !== undefined) this.#isEndHeld = true;
    else this.sink?.halfClosed();
    if (this.#isEnded && !this.#isGone) this.#host.closeStream(this);
  }

  /** The last frame was handed to the connection; called by the sender. */
  endedHere(): void {
    this.#isEnded = true;
    if (this.isRemoteEnded && !this.#isGone) this.#host.closeStream(this);
  }

  /** Moves `bytes` of what waits to `outbox`. REQUIRES: as many wait. */
  moveTo(outbox: Outbox, bytes: number): void {
    this.#queuedBytes -= bytes;
    this.#movedBytes += bytes;
    let left = bytes;
    while (left > 0) {
      const first = this.#queue[0] as Uint8Array;
      if (first.length <= left) {
        outbox.append(first);
        left -= first.length;
        this.#queue.shift();
      } else {
        outbox.append(first.subarray(0, left));
        this.#queue[0] = first.subarray(left);
        left = 0;
      }
    }
    if (this.#queuedBytes === 0) this.#drained();
  }

  #drained(): void {
    const act = this.#onDrained;
    this.#onDrained = undefined;
    act?.();
  }

  /** It is over; called by the connection, once. */
  gone(): void {
    this.#isGone = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.trailers = undefined;
    this.#held = undefined;
    this.#drained();
    this.sink?.closed();
    this.sink = undefined;
  }
}
