/**
 * Cuts what a socket delivers into frames.
 *
 * A frame that lies whole and aligned in a delivered chunk is a view of it; one that is split is
 * gathered in a buffer of its own, sized once from its header, so a large frame is copied once and
 * never again. Invariants: frames come out in order, each once; memory held is at most one frame.
 */
import { type Frame, FrameFault, frameAt } from "./frame.ts";
import { frameBytesMax, headerBytes } from "./layout.ts";

export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  readonly #bytesMax: number;
  /** The start of a frame that is not complete. */
  #partial = new Uint8Array(0);
  #filled = 0;

  constructor(onFrame: (frame: Frame) => void, bytesMax = frameBytesMax) {
    this.#onFrame = onFrame;
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes; the caller must not change them afterwards. Throws FrameFault. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#filled > 0) at += this.#fill(chunk.subarray(at));
      else at += this.#cut(chunk, at);
    }
  }

  /** Emits the frame at `at` or keeps its start; returns the bytes used. */
  #cut(chunk: Uint8Array, at: number): number {
    const left = chunk.length - at;
    const length = left < 4 ? 0 : this.#checked(lengthAt(chunk, at));
    const isAligned = (chunk.byteOffset + at) % 8 === 0;
    if (length === 0 || length > left || !isAligned) {
      return this.#start(chunk.subarray(at), length);
    }
    this.#onFrame(frameAt(chunk.subarray(at, at + length)));
    return length;
  }

  /** Begins to gather a frame of `length` bytes (0 = not known yet). */
  #start(bytes: Uint8Array, length: number): number {
    this.#partial = new Uint8Array(new ArrayBuffer(length === 0 ? headerBytes : length));
    return this.#fill(bytes);
  }

  #fill(bytes: Uint8Array): number {
    const used = Math.min(bytes.length, this.#partial.length - this.#filled);
    this.#partial.set(used === bytes.length ? bytes : bytes.subarray(0, used), this.#filled);
    this.#filled += used;
    if (this.#filled < this.#partial.length) return used;
    const length = this.#checked(lengthAt(this.#partial, 0));
    if (length > this.#partial.length) {
      const whole = new Uint8Array(new ArrayBuffer(length));
      whole.set(this.#partial);
      this.#partial = whole;
      return used;
    }
    const frame = this.#partial;
    this.#filled = 0;
    this.#partial = new Uint8Array(0);
    this.#onFrame(frameAt(frame));
    return used;
  }

  #checked(length: number): number {
    if (length < headerBytes || length % 8 !== 0 || length > this.#bytesMax) {
      throw new FrameFault(`a frame of ${length} bytes`);
    }
    return length;
  }
}

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The first word of a frame, wherever it lies. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4);
  return view.getUint32(0, littleEndian);
}
