/**
 * Writes protobuf messages: the wire types that the inference messages use.
 *
 * Parts are kept as they come, so a tensor is copied once, into the message.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */

const varintType = 0;
const fixed64Type = 1;
const lengthType = 2;

const encoder = new TextEncoder();

export class ProtoWriter {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  get length(): number {
    return this.#bytes;
  }

  /** A whole number of 64 bits, negative ones included. */
  int64(field: number, value: bigint): this {
    this.#tag(field, varintType);
    return this.#add(varint(value));
  }

  bool(field: number, value: boolean): this {
    return this.int64(field, value ? 1n : 0n);
  }

  double(field: number, value: number): this {
    this.#tag(field, fixed64Type);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this.#add(bytes);
  }

  /** Written also when it is empty. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, lengthType);
    this.#add(varint(BigInt(value.length)));
    return this.#add(value);
  }

  /** Left out when it is empty, as the protocol's default. */
  text(field: number, value: string): this {
    return value === "" ? this : this.bytes(field, encoder.encode(value));
  }

  message(field: number, value: ProtoWriter): this {
    this.#tag(field, lengthType);
    this.#add(varint(BigInt(value.#bytes)));
    for (const part of value.#parts) this.#add(part);
    return this;
  }

  /** A packed list of whole numbers. */
  packed(field: number, values: readonly number[]): this {
    const list = new ProtoWriter();
    for (const value of values) list.#add(varint(BigInt(value)));
    return this.message(field, list);
  }

  /** The message, behind `ahead` free bytes. */
  finish(ahead = 0): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(ahead + this.#bytes);
    let at = ahead;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #tag(field: number, type: number): void {
    this.#add(varint(BigInt(field * 8 + type)));
  }

  #add(part: Uint8Array): this {
    this.#parts.push(part);
    this.#bytes += part.length;
    return this;
  }
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
