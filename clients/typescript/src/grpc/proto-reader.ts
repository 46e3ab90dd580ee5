/**
 * Reads protobuf messages field by field, without believing what they say of their sizes.
 *
 * Fields that nobody asks for are passed over, as the protocol wants. Wire types 3 and 4 (groups)
 * are refused: nothing has written them for years.
 */
import { MillraceError } from "../millrace-error.ts";

/** One field: a whole number, or the bytes of a text, a message or a packed list. */
export type ProtoField =
  | { readonly number: number; readonly kind: "whole"; readonly value: bigint }
  | {
      readonly number: number;
      readonly kind: "bytes";
      readonly bytes: Uint8Array<ArrayBuffer>;
    };

const varintBytesMax = 10;

/** The fields of a message in order. @throws INVALID_REPLY */
export function* readFields(message: Uint8Array<ArrayBuffer>): Generator<ProtoField> {
  const reader = new Reader(message);
  while (!reader.isAtEnd) {
    const tag = Number(reader.varint());
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, kind: "whole", value: reader.varint() };
        break;
      case 1:
        reader.take(8);
        break;
      case 2:
        yield { number, kind: "bytes", bytes: reader.take(Number(reader.varint())) };
        break;
      case 5:
        reader.take(4);
        break;
      default:
        throw broken();
    }
  }
}

/** The numbers of a packed list, signed. @throws INVALID_REPLY */
export function readPacked(bytes: Uint8Array<ArrayBuffer>): number[] {
  const reader = new Reader(bytes);
  const numbers: number[] = [];
  while (!reader.isAtEnd) numbers.push(signed(reader.varint()));
  return numbers;
}

/** A 64-bit varint as a signed number. */
export function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

/** @throws INVALID_REPLY */
export function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // What a text field holds must be UTF-8; anything else is a broken message.
    throw broken();
  }
}

function broken(): MillraceError {
  return new MillraceError("INVALID_REPLY", "the reply is no message of the protocol");
}

class Reader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let index = 0; index < varintBytesMax; index += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw broken();
      this.#at += 1;
      value |= BigInt(byte & 127) << BigInt(7 * index);
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw broken();
  }

  take(count: number): Uint8Array<ArrayBuffer> {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw broken();
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
