/**
 * Memory for frames that are about to be written.
 *
 * Small frames are carved one after the other from a block of 256 KiB, so that a batch costs no
 * allocation of its own; the garbage collector frees a block when the socket has let go of its last
 * frame. Blocks start zeroed and no region is handed out twice, so padding never holds old bytes.
 */
import { padded } from "./layout.ts";

const slabBytes = 256 * 1024;

/** Frames over this size get memory of their own, so that they do not waste the rest of a block. */
const carvedBytesMax = 32 * 1024;

/** A zeroed piece of memory; `byteOffset` is a multiple of 8. */
export interface Region {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
}

export class Slab {
  #buffer = new ArrayBuffer(0);
  #used = 0;

  take(bytes: number): Region {
    if (bytes > carvedBytesMax) return { buffer: new ArrayBuffer(padded(bytes)), byteOffset: 0 };
    if (this.#used + bytes > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(slabBytes);
      this.#used = 0;
    }
    const byteOffset = this.#used;
    this.#used += padded(bytes);
    return { buffer: this.#buffer, byteOffset };
  }
}
