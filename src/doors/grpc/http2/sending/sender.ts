/**
 * The sending side of a connection: frames of its streams, within the windows that the peer gave.
 *
 * A reply that fits is written at once, head, message and status one behind the other; what does
 * not waits in its stream and goes on, a frame a stream in turn, when the peer gives room or the
 * socket has taken what it got.
 */
import type { ServingError } from "../../../../base/index.ts";
import type { UnreadLine } from "../../../../transport/index.ts";
import { ConnectionFault, errorCode } from "../fault.ts";
import {
  defaultFrameBytes,
  frameFlag,
  frameHeadBytes,
  frameType,
  writeFrameHead,
  writeUint32,
} from "../frames.ts";
import { type HeadBlock, headBytes, noTable, writeHead } from "../headers/header-encoder.ts";
import { defaultWindowBytes, windowBytesMax } from "../windows.ts";
import type { Outbox } from "./outbox.ts";

/** What of a stream concerns the sending of it. */
export interface SendingStream {
  readonly id: number;
  sendWindow: number;
  trailers: HeadBlock | undefined;
  readonly queuedBytes: number;
  /** Bytes that were handed to the connection. */
  readonly movedBytes: number;
  /** Bytes that are ready for it and were not written yet. */
  readonly keptBytes: number;
  /** Bytes that its sender has counted as waiting. */
  countedBytes: number;
  readonly hasUnsent: boolean;
  /** Moves `bytes` of what waits to `outbox`. REQUIRES: as many wait. */
  moveTo(outbox: Outbox, bytes: number): void;
  /** The last frame was handed to the connection. */
  endedHere(): void;
}

/** A whole small reply. */
export interface WholeReply {
  readonly head: HeadBlock;
  readonly message: Uint8Array;
  readonly trailers: HeadBlock;
}

const nothing = new Uint8Array(0);

/** Ends a body that has no trailers. */
export const noTrailers: HeadBlock = { fixed: nothing, text: undefined };

export class Sender {
  readonly #outbox: Outbox;
  readonly #line: UnreadLine;
  #window = defaultWindowBytes;
  #initialWindow = defaultWindowBytes;
  #isFirstHead = true;
  /** Of all streams that ever waited. */
  #movedBytes = 0;
  /** Streams that have something to send and may not; at most http2StreamsMax. */
  readonly #waiting = new Set<SendingStream>();

  constructor(outbox: Outbox, line: UnreadLine) {
    this.#outbox = outbox;
    this.#line = line;
  }

  /** Calls `act` once the system has taken all that was handed over; never when that fails. */
  onTaken(act: () => void): void {
    this.#outbox.onTaken(act);
  }

  /** True while a stream has something to send and may not. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** What a new stream may send ahead. */
  get initialWindow(): number {
    return this.#initialWindow;
  }

  /** Writes a small control frame whose payload are numbers of four bytes. */
  control(head: { type: number; flags: number; stream: number }, payload: readonly number[]): void {
    const length = payload.length * 4;
    const at = this.#outbox.reserve(frameHeadBytes + length);
    const { slab } = this.#outbox;
    let place = writeFrameHead(slab, at, { ...head, length });
    for (const word of payload) place = writeUint32(slab, place, word);
  }

  /** Writes a small control frame. */
  frame(head: { type: number; flags: number; stream: number }, payload: Uint8Array): void {
    const { length } = payload;
    const at = this.#outbox.reserve(frameHeadBytes + length);
    this.#outbox.slab.set(payload, writeFrameHead(this.#outbox.slab, at, { ...head, length }));
  }

  headers(stream: SendingStream, block: HeadBlock, isLast: boolean): void {
    const length = headBytes(block) + (this.#isFirstHead ? 1 : 0);
    const at = this.#outbox.reserve(frameHeadBytes + length);
    this.#writeHeaders(at, block, { id: stream.id, length, isLast });
    if (isLast) stream.endedHere();
  }

  /** Writes all of a reply. @returns false when it does not fit just now; then nothing was done */
  whole(stream: SendingStream, { head, message, trailers }: WholeReply): boolean {
    const { length } = message;
    const room = Math.min(this.#window, stream.sendWindow, defaultFrameBytes);
    if (length > room || this.#outbox.isFull) return false;
    const { id } = stream;
    const headLength = headBytes(head) + (this.#isFirstHead ? 1 : 0);
    const lastLength = headBytes(trailers);
    const at = this.#outbox.reserve(3 * frameHeadBytes + headLength + length + lastLength);
    let place = this.#writeHeaders(at, head, { id, length: headLength, isLast: false });
    const { slab } = this.#outbox;
    place = writeFrameHead(slab, place, { type: frameType.data, flags: 0, stream: id, length });
    slab.set(message, place);
    this.#writeHeaders(place + length, trailers, { id, length: lastLength, isLast: true });
    this.#window -= length;
    stream.sendWindow -= length;
    stream.endedHere();
    return true;
  }

  #writeHeaders(
    at: number,
    block: HeadBlock,
    { id, length, isLast }: { id: number; length: number; isLast: boolean },
  ): number {
    const { slab } = this.#outbox;
    const flags = frameFlag.endHeaders | (isLast ? frameFlag.endStream : 0);
    let place = writeFrameHead(slab, at, { type: frameType.headers, flags, stream: id, length });
    if (this.#isFirstHead) {
      this.#isFirstHead = false;
      slab[place++] = noTable;
    }
    return writeHead(slab, place, block);
  }

  /** Sends what a stream has, as far as it may. */
  pump(stream: SendingStream): void {
    while (this.#advance(stream));
    if (stream.hasUnsent) this.#waiting.add(stream);
    else this.#waiting.delete(stream);
    this.count(stream);
  }

  /** Counts what waits for the reader of `stream`. */
  count(stream: SendingStream): void {
    const bytes = stream.queuedBytes + stream.keptBytes;
    if (bytes === stream.countedBytes) return;
    this.#line.count(bytes - stream.countedBytes);
    stream.countedBytes = bytes;
  }

  /** True when `bytes` more may be written for `stream`: they can leave, or there is a place. */
  admits(stream: SendingStream, bytes: number): boolean {
    return bytes <= Math.min(this.#window, stream.sendWindow) || this.#line.admits(bytes);
  }

  /** What a reply for which there is no place is refused with. */
  refusal(bytes: number): ServingError {
    return this.#line.refusal(bytes);
  }

  /** There may be room again for those who wait: each sends a frame and stands behind the rest. */
  pumpAll(): void {
    for (const stream of this.#waiting) {
      if (this.#window <= 0 || this.#outbox.isFull) return;
      const hasMoved = this.#advance(stream);
      this.count(stream);
      if (!hasMoved) continue;
      this.#waiting.delete(stream);
      if (stream.hasUnsent) this.#waiting.add(stream);
    }
  }

  /** Sends one frame of a stream. @returns false when there is nothing, or it may not */
  #advance(stream: SendingStream): boolean {
    const queued = stream.queuedBytes;
    if (queued === 0) {
      this.#finish(stream);
      return false;
    }
    const room = Math.min(this.#window, stream.sendWindow, defaultFrameBytes);
    if (room <= 0 || this.#outbox.isFull) return false;
    const length = Math.min(room, queued);
    const at = this.#outbox.reserve(frameHeadBytes);
    const head = { type: frameType.data, flags: 0, stream: stream.id, length };
    writeFrameHead(this.#outbox.slab, at, head);
    this.#window -= length;
    this.#movedBytes += length;
    stream.sendWindow -= length;
    stream.moveTo(this.#outbox, length);
    if (length === queued) this.#finish(stream);
    return true;
  }

  /** Trailers need no room in a window, so they never wait behind an empty queue. */
  #finish(stream: SendingStream): void {
    const { trailers } = stream;
    if (trailers === undefined) return;
    stream.trailers = undefined;
    if (headBytes(trailers) > 0) {
      this.headers(stream, trailers, true);
      return;
    }
    this.frame({ type: frameType.data, flags: frameFlag.endStream, stream: stream.id }, nothing);
    stream.endedHere();
  }

  /**
   * A number that changes when the peer takes something of what `stream` waits for: of the stream
   * itself where its own window is shut, else of the whole connection, for which it waits its turn.
   */
  progressOf(stream: SendingStream): number {
    if (stream.sendWindow <= 0) return stream.movedBytes;
    const outbox = this.#outbox;
    return stream.movedBytes + this.#movedBytes + (outbox.isFull ? outbox.takenBytes : 0);
  }

  /** Nothing more is sent of it. */
  forget(stream: SendingStream): void {
    this.#waiting.delete(stream);
    this.#line.count(-stream.countedBytes);
    stream.countedBytes = 0;
  }

  /** The peer takes more. @throws ConnectionFault when that is more than there can be */
  widen(bytes: number): void {
    const wasShut = this.#window <= 0;
    this.#window += bytes;
    if (this.#window > windowBytesMax) {
      throw new ConnectionFault(errorCode.flowControl, "the window of the connection is too large");
    }
    // While it was open, nobody waited for it.
    if (wasShut) this.pumpAll();
  }

  /** The peer may send more on the connection. */
  widenPeer(bytes: number): void {
    this.control({ type: frameType.windowUpdate, flags: 0, stream: 0 }, [bytes]);
  }

  /**
   * What `streams` may send changes with it, and nothing is sent yet.
   * @throws ConnectionFault when a window grows beyond what there can be
   */
  setInitialWindow(bytes: number, streams: Iterable<SendingStream>): void {
    const more = bytes - this.#initialWindow;
    this.#initialWindow = bytes;
    for (const stream of streams) {
      stream.sendWindow += more;
      if (stream.sendWindow > windowBytesMax) {
        throw new ConnectionFault(errorCode.flowControl, "the window of a stream is too large");
      }
    }
  }
}
