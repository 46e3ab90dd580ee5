/**
 * Cuts what a socket delivers into frames.
 *
 * The reader owns the memory that is read into (`target`), so a socket that can read into a given
 * buffer never copies, and a large frame gets memory of its own as soon as its header is known.
 * Small frames lie one after the other in a block, always at a multiple of 8, and are handed out as
 * views. The memory of a large frame can be given back when nobody looks at it any more: fresh
 * pages cost more than reading into them. Invariants: frames come out in order, each once; memory
 * is written again only after it was given back; besides the frames that are out, one incomplete
 * frame, one block and `spareMax` spares are held.
 */
import { type Frame, FrameFault, frameAt } from "./frame.ts";
import { frameBytesMax, headerBytes } from "./layout.ts";

const blockBytes = 64 * 1024;

/** A block with less room than this is left to its frames; small reads cost more than memory. */
const roomBytesMin = 4 * 1024;

/** Frames over this size get memory of their own. */
const largeBytesMin = blockBytes / 2;

/** One for the frame that is read while another is worked on. */
const spareMax = 2;
const spareBytesMax = 16 * 1024 * 1024;

export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  readonly #bytesMax: number;
  /** At most `spareMax` pieces of memory, each at most `spareBytesMax`. */
  readonly #spares: Uint8Array[] = [];
  #block = newBlock(blockBytes);
  /** The incomplete frame is from `#start` to `#end`; the room behind it is free up to `#room`. */
  #start = 0;
  #end = 0;
  #room = blockBytes;

  constructor(onFrame: (frame: Frame) => void, bytesMax = frameBytesMax) {
    this.#onFrame = onFrame;
    this.#bytesMax = bytesMax;
  }

  /** Where the next bytes go; never empty. */
  target(): Uint8Array {
    const held = this.#end - this.#start;
    const needed = held < 4 ? headerBytes : this.#length();
    const isWhole = this.#start + needed <= this.#room;
    const isShort = this.#room - this.#end < roomBytesMin && needed < largeBytesMin;
    if (!isWhole || isShort) this.#move(held, needed);
    return this.#block.subarray(this.#end, this.#room);
  }

  /** Nobody looks at `frame` any more: its memory may hold another large one. */
  giveBack(frame: Frame): void {
    const { buffer } = frame.bytes;
    const isSpare = frame.bytes.length > largeBytesMin && buffer.byteLength <= spareBytesMax;
    if (!isSpare || buffer === this.#block.buffer || this.#spares.length >= spareMax) return;
    this.#spares.push(new Uint8Array(buffer));
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

  /** Goes on in other memory, with the start of the incomplete frame. */
  #move(held: number, needed: number): void {
    const isLarge = needed > largeBytesMin;
    const block = isLarge ? this.#largeBlock(needed) : newBlock(blockBytes);
    block.set(this.#block.subarray(this.#start, this.#end));
    this.#block = block;
    this.#start = 0;
    this.#end = held;
    this.#room = isLarge ? needed : blockBytes;
  }

  /** A spare that fits without much waste, or new memory. */
  #largeBlock(needed: number): Uint8Array {
    const place = this.#spares.findIndex(
      (spare) => spare.length >= needed && spare.length <= 2 * needed,
    );
    if (place >= 0) return this.#spares.splice(place, 1)[0] ?? newBlock(needed);
    if (this.#spares.length >= spareMax) this.#spares.shift();
    return newBlock(Math.ceil(needed / blockBytes) * blockBytes);
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
