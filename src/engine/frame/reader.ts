/**
 * Cuts what a socket delivers into frames.
 *
 * The reader owns the memory that is read into (`target`), so a socket that can read into a given
 * buffer never copies, and a large frame gets memory of its own as soon as its header is known.
 * Small frames lie one after the other in a block, always at a multiple of 8, and are handed out as
 * views. The memory of a large frame can be given back when nobody looks at it any more: fresh
 * pages cost more than reading into them. Invariants: frames come out in order, each once; memory
 * is written again only after it was given back; besides the frames that are out, one incomplete
 * frame and one block are held.
 */
import { giveBackLarge, markSole, takeLarge } from "../../base/index.ts";
import { type Frame, FrameFault, frameAt } from "./frame.ts";
import type { Lane } from "./lane.ts";
import { frameBytesMax, headerBytes, kinds } from "./layout.ts";

const blockBytes = 64 * 1024;

/** A block with less room than this is left to its frames; small reads cost more than memory. */
const roomBytesMin = 4 * 1024;

/** Frames over this size get memory of their own. */
const ownBytesMin = blockBytes / 2;

export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  readonly #bytesMax: number;
  readonly #lane: Lane | undefined;
  #block = newBlock(blockBytes);
  /** The incomplete frame is from `#start` to `#end`; the room behind it is free up to `#room`. */
  #start = 0;
  #end = 0;
  #room = blockBytes;

  /** @param lane where large frames may lie; without one they all come through the socket */
  constructor(
    onFrame: (frame: Frame) => void,
    { bytesMax = frameBytesMax, lane }: { bytesMax?: number; lane?: Lane | undefined } = {},
  ) {
    this.#onFrame = onFrame;
    this.#bytesMax = bytesMax;
    this.#lane = lane;
  }

  /** Where the next bytes go; never empty. */
  target(): Uint8Array {
    const held = this.#end - this.#start;
    const needed = held < 4 ? headerBytes : this.#length();
    const isWhole = this.#start + needed <= this.#room;
    const isShort = this.#room - this.#end < roomBytesMin && needed < ownBytesMin;
    if (!isWhole || isShort) this.#move(held, needed);
    return this.#block.subarray(this.#end, this.#room);
  }

  /** Nobody looks at `frame` any more: its memory may hold another large one. */
  giveBack(frame: Frame): void {
    const { bytes } = frame;
    if (bytes.length <= ownBytesMin || bytes.buffer === this.#block.buffer) return;
    markSole(bytes.buffer);
    giveBackLarge(bytes);
  }

  /** `count` bytes were written to the last target. Throws FrameFault. */
  filled(count: number): void {
    this.#end += count;
    while (this.#end - this.#start >= headerBytes) {
      const length = this.#length();
      if (this.#end - this.#start < length) return;
      const frame = frameAt(this.#block.subarray(this.#start, this.#start + length));
      this.#start += length;
      if (frame.kind < kinds.laid) this.#onFrame(frame);
      else this.#ofLane(frame);
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

  /** A word about the lane. Throws FrameFault, also where there is no lane. */
  #ofLane(word: Frame): void {
    const lane = this.#lane;
    if (lane === undefined || word.kind > kinds.taken) throw new FrameFault(`kind ${word.kind}`);
    if (word.kind === kinds.taken) {
      lane.taken(word);
      return;
    }
    const bytes = lane.take(word);
    const frame = frameAt(bytes);
    const length = new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0];
    const isLike = length === bytes.length && length % 8 === 0 && frame.kind < kinds.laid;
    if (!isLike) throw new FrameFault(`a frame of ${length} bytes laid as ${bytes.length}`);
    this.#onFrame(frame);
  }

  /** Goes on in other memory, with the start of the incomplete frame. */
  #move(held: number, needed: number): void {
    const isLarge = needed > ownBytesMin;
    const block = isLarge ? takeLarge(needed) : newBlock(blockBytes);
    block.set(this.#block.subarray(this.#start, this.#end));
    this.#block = block;
    this.#start = 0;
    this.#end = held;
    this.#room = isLarge ? needed : blockBytes;
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
