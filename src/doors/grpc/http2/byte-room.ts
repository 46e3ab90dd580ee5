/**
 * Bytes that come in parts and are wanted together, in one buffer that grows by doubling: a
 * million parts of one byte cost no more than their bytes.
 */

const roomBytesMin = 1_024;

export class ByteRoom {
  #room = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(bytes: Buffer, at: number, end: number): void {
    const need = this.#length + end - at;
    if (need > this.#room.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(roomBytesMin, 2 * need));
      this.#room.copy(grown, 0, 0, this.#length);
      this.#room = grown;
    }
    bytes.copy(this.#room, this.#length, at, end);
    this.#length = need;
  }

  /** All of it; the room is empty afterwards. */
  take(): Buffer {
    const all = this.#room.subarray(0, this.#length);
    this.#room = Buffer.alloc(0);
    this.#length = 0;
    return all;
  }
}
