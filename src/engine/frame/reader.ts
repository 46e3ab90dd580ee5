/**
 * Cuts what a socket delivers into frames.
 *
 * The reader owns the memory that is read into (`target`), so a socket that can read into a given
 * buffer never copies, and a large frame gets memory of exactly its size as soon as its header is
 * known. Small frames lie one after the other in a block, always at a multiple of 8, and are handed
 * out as views. Invariants: frames come out in order, each once; memory is never written again
 * after a frame in it came out; at most one frame and one block are held.
 */
import { type Frame, FrameFault, frameAt } from "./frame.ts";
import { frameBytesMax, headerBytes } from "./layout.ts";

const blockBytes = 64 * 1024;

/** A block with less room than this is left to its frames; small reads cost more than memory. */
const roomBytesMin = 4 * 1024;

export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  readonly #bytesMax: number;
  #block = newBlock(blockBytes);
  /** The incomplete frame is from `#start` to `#end`; the room behind it is free. */
  #start = 0;
  #end = 0;

  constructor(onFrame: (frame: Frame) => void, bytesMax = frameBytesMax) {
    this.#onFrame = onFrame;
    this.#bytesMax = bytesMax;
  }

  /** Where the next bytes go; never empty. */
  target(): Uint8Array {
    const held = this.#end - this.#start;
    const needed = held < 4 ? headerBytes : this.#length();
    const isShort = this.#block.length - this.#end < roomBytesMin && needed < blockBytes / 2;
    const isWhole = this.#start + needed <= this.#block.length;
    if (!isWhole || (isShort && this.#block.length <= blockBytes)) this.#move(held, needed);
    return this.#block.subarray(this.#end);
  }

  /** `count` bytes were written to the last target. Throws FrameFault. */
  filled(count: number): void {
    this.#end += count;
    while (this.#end - this.#start >= headerBytes) {
      const length = this.#length();
      if (this.#end - this.#start < length) return;
      const frame = frameAt(this.#block.subarray(this.#start, this.#start + length));
      this.#start += length;
      this.#onFrame(frame);
    }
  }

  /** Takes bytes of a socket that reads into memory of its own. Throws FrameFault. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const target = this.target();
      const count = Math.min(target.length, chunk.length - at);
      target.set(count === chunk.length ? chunk : chunk.subarray(at, at + count));
      at += count;
      this.filled(count);
    }
  }

  /** Goes on in new memory, with the start of the incomplete frame. */
  #move(held: number, needed: number): void {
    const block = newBlock(needed > blockBytes / 2 ? needed : blockBytes);
    block.set(this.#block.subarray(this.#start, this.#end));
    this.#block = block;
    this.#start = 0;
    this.#end = held;
  }

  /** The length in the header of the incomplete frame. REQUIRES: 4 bytes of it are there. */
  #length(): number {
    const { buffer, byteOffset } = this.#block;
    const length = new Uint32Array(buffer, byteOffset + this.#start, 1)[0] ?? 0;
    if (length < headerBytes || length % 8 !== 0 || length > this.#bytesMax) {
      throw new FrameFault(`a frame of ${length} bytes`);
    }
    return length;
  }
}

/** Memory that need not be zeroed: a frame comes out only when every byte of it was written. */
function newBlock(bytes: number): Uint8Array {
  return Buffer.allocUnsafeSlow(bytes);
}
