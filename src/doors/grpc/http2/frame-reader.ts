/**
 * Cuts what a connection sends into frames.
 *
 * Bodies go on as they come, wherever a frame was cut by the network; other frames are small and
 * are handed on whole. Sizes are judged when they are known, before anything is kept.
 */
import { ByteRoom } from "./byte-room.ts";
import { ConnectionFault, errorCode } from "./fault.ts";
import { defaultFrameBytes, type FrameHead, frameHeadBytes, frameType } from "./frames.ts";

export interface FrameSink {
  /** True once nothing is read any more. */
  readonly isOver: boolean;
  /** A frame that is no DATA; its payload is `head.length` bytes from `at`. */
  frame(head: FrameHead, bytes: Buffer, at: number): void;
  dataBegins(head: FrameHead): void;
  /** Some of the payload of a DATA frame. */
  dataPart(bytes: Buffer, at: number, end: number): void;
  dataEnds(): void;
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #head: FrameHead = { type: 0, flags: 0, stream: 0, length: 0 };
  /** Bytes of the preface that came. */
  #prefaceBytes = 0;
  /** A head, or the payload behind it, that came in parts. */
  readonly #parts = new ByteRoom();
  /** Bytes of the payload that are still to come; -1 between frames. */
  #left = -1;
  #framesBegun = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Frames whose head has come. */
  get framesBegun(): number {
    return this.#framesBegun;
  }

  /** The number of the frame, other than DATA, of which some has come; 0 for none. */
  get unfinished(): number {
    if (this.#left === -1) return this.#parts.length === 0 ? 0 : this.#framesBegun + 1;
    return this.#head.type === frameType.data ? 0 : this.#framesBegun;
  }

  /** @throws ConnectionFault for what is no HTTP/2, and what the sink throws */
  push(chunk: Buffer): void {
    let at = 0;
    if (this.#prefaceBytes < preface.length) at = this.#readPreface(chunk);
    while (at < chunk.length && !this.#sink.isOver) {
      if (this.#left === -1) at = this.#readHead(chunk, at);
      else if (this.#head.type === frameType.data) at = this.#readData(chunk, at);
      else at = this.#readPayload(chunk, at);
    }
  }

  #readPreface(chunk: Buffer): number {
    let at = 0;
    for (; at < chunk.length && this.#prefaceBytes < preface.length; at += 1) {
      if (chunk[at] !== preface[this.#prefaceBytes]) throw noHttp2();
      this.#prefaceBytes += 1;
    }
    return at;
  }

  #readHead(chunk: Buffer, at: number): number {
    const have = this.#parts.length;
    if (have === 0 && chunk.length - at >= frameHeadBytes) {
      this.#begin(chunk, at);
      return at + frameHeadBytes;
    }
    const end = Math.min(chunk.length, at + frameHeadBytes - have);
    this.#parts.add(chunk, at, end);
    if (this.#parts.length === frameHeadBytes) this.#begin(this.#parts.take(), 0);
    return end;
  }

  #begin(bytes: Buffer, at: number): void {
    this.#framesBegun += 1;
    const head = this.#head;
    head.length = byteAt(bytes, at) * 65_536 + byteAt(bytes, at + 1) * 256 + byteAt(bytes, at + 2);
    head.type = byteAt(bytes, at + 3);
    head.flags = byteAt(bytes, at + 4);
    head.stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    if (head.length > defaultFrameBytes) {
      throw new ConnectionFault(errorCode.frameSize, `a frame of ${head.length} bytes`);
    }
    this.#left = head.length;
    if (head.type === frameType.data) {
      this.#sink.dataBegins(head);
      if (head.length > 0) return;
      this.#left = -1;
      this.#sink.dataEnds();
    } else if (head.length === 0) {
      this.#left = -1;
      this.#sink.frame(head, bytes, 0);
    }
  }

  #readData(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    this.#sink.dataPart(chunk, at, end);
    if (this.#left === 0) {
      this.#left = -1;
      this.#sink.dataEnds();
    }
    return end;
  }

  #readPayload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    const isWhole = end - at === this.#left;
    if (isWhole && this.#parts.length === 0) {
      this.#left = -1;
      this.#sink.frame(this.#head, chunk, at);
      return end;
    }
    this.#parts.add(chunk, at, end);
    this.#left -= end - at;
    if (isWhole) {
      this.#left = -1;
      this.#sink.frame(this.#head, this.#parts.take(), 0);
    }
    return end;
  }
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] as number;
}

function noHttp2(): ConnectionFault {
  return new ConnectionFault(errorCode.protocol, "the connection does not speak HTTP/2");
}
