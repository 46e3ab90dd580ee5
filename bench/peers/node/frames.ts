/** Frames of the relay: four bytes of length, little endian, then the bytes. */
import type { Socket } from "node:net";

const headBytes = 4;

/** Sends one frame without copying it. */
export function writeFrame(socket: Socket, frame: Uint8Array): void {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt32LE(frame.length);
  socket.cork();
  socket.write(head);
  socket.write(frame);
  socket.uncork();
}

/** Puts frames together again; each is copied once, into a buffer of its size. */
export class FrameReader {
  readonly #take: (frame: Buffer) => void;
  readonly #head = Buffer.alloc(headBytes);
  #headLength = 0;
  #frame: Buffer | undefined;
  #length = 0;

  constructor(take: (frame: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#frame === undefined ? this.#readHead(chunk, at) : this.#readBody(chunk, at);
    }
  }

  #readHead(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#head, this.#headLength, at);
    this.#headLength += copied;
    if (this.#headLength === headBytes) {
      this.#headLength = 0;
      this.#length = 0;
      this.#frame = Buffer.allocUnsafeSlow(this.#head.readUInt32LE());
    }
    return at + copied;
  }

  #readBody(chunk: Buffer, at: number): number {
    const frame = this.#frame ?? Buffer.alloc(0);
    const copied = chunk.copy(frame, this.#length, at);
    this.#length += copied;
    if (this.#length < frame.length) return at + copied;
    this.#frame = undefined;
    this.#take(frame);
    return at + copied;
  }
}
