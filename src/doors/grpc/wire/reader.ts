/**
 * Reads the wire format of protobuf from a range of bytes, without descriptors and without copies.
 *
 * For the messages of the hot path, where a general reader costs as much as the rest of a call. A
 * nested message is read in place by narrowing the range. Every length is checked against the range
 * before it is used; groups, field number 0 and text that is no UTF-8 are refused, as in proto3.
 * Invariant: `pos` never passes `end`.
 */
import { isUtf8 } from "node:buffer";
import { ServingError } from "../../../base/index.ts";

/** Wire types, the low three bits of a tag. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const shift32 = 2 ** 32;

export class WireReader {
  readonly bytes: Buffer;
  pos: number;
  end: number;

  constructor(bytes: Buffer, pos = 0, end = bytes.length) {
    this.bytes = bytes;
    this.pos = pos;
    this.end = end;
  }

  get hasMore(): boolean {
    return this.pos < this.end;
  }

  /** Field number and wire type as one number: `field << 3 | type`. */
  tag(): number {
    const tag = this.uint32();
    if (tag < 8) throw broken("field number 0");
    return tag;
  }

  /** The low 32 bits of a varint, as an unsigned number. */
  uint32(): number {
    const { bytes } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= this.end) throw broken("the bytes end inside a number");
      const byte = bytes[this.pos] as number;
      this.pos += 1;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw broken("a number of more than 10 bytes");
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  /** An int64 as a double: exact up to 2^53, and beyond it far from any size. */
  int64Number(): number {
    const first = this.bytes[this.pos] as number;
    if (this.pos < this.end && first < 0x80) {
      this.pos += 1;
      return first;
    }
    return Number(this.int64());
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint64(): bigint {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= this.end) throw broken("the bytes end inside a number");
      const byte = bytes[this.pos] as number;
      this.pos += 1;
      const part = byte & 0x7f;
      if (shift < 28) low += part * 2 ** shift;
      else if (shift === 28) {
        low += (part & 0x0f) * 2 ** 28;
        high = part >>> 4;
      } else if (shift < 63) high += part * 2 ** (shift - 32);
      else high += (part & 1) * 2 ** 31;
      if (byte < 0x80)
        return high === 0 ? BigInt(low) : BigInt(high) * BigInt(shift32) + BigInt(low);
    }
    throw broken("a number of more than 10 bytes");
  }

  double(): number {
    if (this.end - this.pos < 8) throw broken("the bytes end inside a double");
    const value = this.bytes.readDoubleLE(this.pos);
    this.pos += 8;
    return value;
  }

  /** Reads a length and gives where the bytes behind it end; `pos` is their start. */
  lengthEnd(): number {
    const length = this.uint32();
    const end = this.pos + length;
    if (end > this.end)
      throw broken(`a length of ${length} bytes where ${this.end - this.pos} are left`);
    return end;
  }

  /** The bytes of a length-delimited field; a view. */
  view(): Buffer {
    const end = this.lengthEnd();
    const view = this.bytes.subarray(this.pos, end);
    this.pos = end;
    return view;
  }

  /** A string. @throws INVALID_REQUEST when it is not UTF-8 */
  text(field: string): string {
    const end = this.lengthEnd();
    const from = this.pos;
    this.pos = end;
    if (end === from) return "";
    let at = from;
    while (at < end && (this.bytes[at] as number) < 0x80) at += 1;
    if (at === end) return this.bytes.toString("latin1", from, end);
    if (!isUtf8(this.bytes.subarray(from, end))) throw broken(`${field}: not UTF-8`);
    return this.bytes.toString("utf8", from, end);
  }

  /** Skips the value of a field that nobody wants. */
  skip(tag: number): void {
    switch (tag & 7) {
      case wire.varint:
        this.uint64();
        return;
      case wire.fixed64:
        this.#jump(8);
        return;
      case wire.bytes:
        this.pos = this.lengthEnd();
        return;
      case wire.fixed32:
        this.#jump(4);
        return;
      default:
        throw broken(`field ${tag >>> 3} has wire type ${tag & 7}, which proto3 has not`);
    }
  }

  #jump(bytes: number): void {
    if (this.end - this.pos < bytes) throw broken("the bytes end inside a number");
    this.pos += bytes;
  }
}

/** The refusal of bytes that are no message. */
export function broken(why: string): ServingError {
  return new ServingError("INVALID_REQUEST", `the message cannot be read: ${why}`);
}
