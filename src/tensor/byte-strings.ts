/**
 * The elements of a BYTES tensor: one run of bytes and the offsets that cut it.
 *
 * The layout is Arrow's (offsets has one entry more than there are elements), so slicing and
 * joining copy no strings. Elements are bytes, not text: whoever needs text decodes them.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const none = new Uint8Array(0);

export class ByteStrings {
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;

  /** REQUIRES: offsets never fall, the first is >= 0 and the last <= bytes.length. */
  constructor(offsets: Uint32Array, bytes: Uint8Array) {
    this.offsets = offsets;
    this.bytes = bytes;
  }

  static fromText(texts: readonly string[]): ByteStrings {
    return ByteStrings.fromBytes(texts.map((text) => Buffer.from(text, "utf8")));
  }

  static fromBytes(elements: readonly Uint8Array[]): ByteStrings {
    const offsets = new Uint32Array(elements.length + 1);
    let total = 0;
    elements.forEach((element, index) => {
      total += element.length;
      offsets[index + 1] = total;
    });
    const bytes = total === 0 ? none : new Uint8Array(total);
    elements.forEach((element, index) => {
      bytes.set(element, offsets[index] ?? 0);
    });
    return new ByteStrings(offsets, bytes);
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  /** Bytes of all elements together. */
  get byteLength(): number {
    return (this.offsets[this.length] ?? 0) - (this.offsets[0] ?? 0);
  }

  /** The bytes of element `index`; a view. */
  at(index: number): Uint8Array {
    return this.bytes.subarray(this.offsets[index] ?? 0, this.offsets[index + 1] ?? 0);
  }

  /** Element `index` as text, or `undefined` when its bytes are not UTF-8. */
  textAt(index: number): string | undefined {
    try {
      return decoder.decode(this.at(index));
    } catch {
      return undefined;
    }
  }

  /** All elements as text, or the index of the first one that is not UTF-8. */
  toTexts(): string[] | number {
    const texts: string[] = [];
    for (let index = 0; index < this.length; index += 1) {
      const text = this.textAt(index);
      if (text === undefined) return index;
      texts.push(text);
    }
    return texts;
  }

  /** Elements `from` to `to` (exclusive); shares the bytes. */
  slice(from: number, to: number): ByteStrings {
    return new ByteStrings(this.offsets.subarray(from, to + 1), this.bytes);
  }

  static concat(parts: readonly ByteStrings[]): ByteStrings {
    const only = parts[0];
    if (parts.length === 1 && only !== undefined) return only;
    const elements: Uint8Array[] = [];
    for (const part of parts) {
      for (let index = 0; index < part.length; index += 1) elements.push(part.at(index));
    }
    return ByteStrings.fromBytes(elements);
  }
}
