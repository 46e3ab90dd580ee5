/**
 * Frames in base64, as they arrive: pieces of any length, with padding wherever the sender flushed.
 *
 * Node's own decoder takes whole texts, skips what is no base64 and stops at the first padding; a
 * body that is damaged must be refused instead, and one that was flushed in pieces read to its end.
 */
import { ServingError } from "../../../base/index.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const none = 255;
const padding = "=".charCodeAt(0);

/** Static: the value of each character, or `none`. */
const values = new Uint8Array(256).fill(none);
for (let value = 0; value < alphabet.length; value += 1) values[alphabet.charCodeAt(value)] = value;

const groupLength = 4;

export class Base64Text {
  #bits = 0;
  /** Characters of the group that is under way, and how many of its end are padding. */
  #have = 0;
  #pads = 0;

  /** True between two groups of four characters. */
  get isWhole(): boolean {
    return this.#have === 0;
  }

  /** The bytes that `chunk` completes. @throws INVALID_REQUEST for what is no base64 */
  push(chunk: Buffer): Buffer {
    const bytes = Buffer.allocUnsafe(Math.ceil(((this.#have + chunk.length) * 3) / groupLength));
    let length = 0;
    for (const code of chunk) {
      if (code === padding) {
        if (this.#have - this.#pads < 2) throw wrongText();
        this.#pads += 1;
        this.#bits <<= 6;
      } else {
        const value = values[code] as number;
        if (value === none || this.#pads > 0) throw wrongText();
        this.#bits = (this.#bits << 6) | value;
      }
      this.#have += 1;
      if (this.#have < groupLength) continue;
      const end = length + groupLength - 1 - this.#pads;
      for (let shift = 16; length < end; shift -= 8) {
        bytes[length] = this.#bits >>> shift;
        length += 1;
      }
      this.#bits = 0;
      this.#have = 0;
      this.#pads = 0;
    }
    return bytes.subarray(0, length);
  }
}

function wrongText(): ServingError {
  const message = "the body is not base64, which content-type application/grpc-web-text promises";
  return new ServingError("INVALID_REQUEST", message);
}
