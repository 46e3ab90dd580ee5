/**
 * Collects JSON text as bytes: for replies of many numbers, where a string per number is too slow.
 *
 * The bytes are ASCII as long as no caller's text is not, and then become one string by a copy.
 * Nothing is checked here but what JSON cannot say: a value that has no JSON is refused with the
 * name of the output and the index of the element.
 */
import { quote, ServingError } from "../../base/index.ts";
import type { ByteStrings } from "../byte-strings.ts";
import type { NumericTensor, Tensor } from "../tensor.ts";
import { float32BytesMax, float32Text, writeFloat32, writeWhole } from "./float32-text.ts";

/** Elements of a tensor: `from` to `to` (exclusive). */
export interface ElementRange {
  readonly from: number;
  readonly to: number;
  /** The output's name, for messages. */
  readonly name: string;
}

/** Room that any number needs, its comma included; the longest is a float64. */
const numberBytesMax = float32BytesMax + 8;
const comma = 0x2c;
const double = 0x22;

export class JsonWriter {
  #bytes: Buffer;
  #at = 0;
  #isAscii = true;

  /** @param bytes room at first; it doubles when it is used up */
  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(bytes, numberBytesMax));
  }

  /** Bytes written. */
  get length(): number {
    return this.#at;
  }

  /** Writes JSON text as it is. */
  text(json: string): void {
    this.#room(json.length * 3);
    const written = this.#bytes.write(json, this.#at, "utf8");
    if (written !== json.length) this.#isAscii = false;
    this.#at += written;
  }

  /**
   * Writes elements with commas between them.
   * @throws OUTPUT_NOT_REPRESENTABLE a value that JSON has not
   */
  elements(tensor: Tensor, range: ElementRange): void {
    const { dtype, elements } = tensor;
    if (dtype === "BYTES") this.#strings(elements as ByteStrings, range);
    else if (dtype === "FP32") this.#floats32(elements as Float32Array, range);
    else if (dtype === "INT64") this.#whole64(elements as BigInt64Array, range);
    else this.#others(tensor as NumericTensor, range);
  }

  /** Everything written, as one string; the writer can be used again. */
  takeText(): string {
    const text = this.#bytes.toString(this.#isAscii ? "latin1" : "utf8", 0, this.#at);
    this.#at = 0;
    this.#isAscii = true;
    return text;
  }

  /** Everything written, in memory of its own; the writer must not be used afterwards. */
  takeBytes(): Uint8Array {
    const { buffer, byteLength } = this.#bytes;
    const isPooled = buffer.byteLength !== byteLength;
    return isPooled
      ? Uint8Array.from(this.#bytes.subarray(0, this.#at))
      : this.#bytes.subarray(0, this.#at);
  }

  #floats32(elements: Float32Array, range: ElementRange): void {
    const { from, to } = range;
    for (let index = from; index < to; index += 1) {
      const value = elements[index] as number;
      if (value - value !== 0) throw notRepresentable(range.name, `element ${index} is ${value}`);
      this.#room(numberBytesMax);
      const bytes = this.#bytes;
      let at = this.#at;
      if (index > from) {
        bytes[at] = comma;
        at += 1;
      }
      this.#at = writeFloat32(bytes, at, value);
    }
  }

  #whole64(elements: BigInt64Array, range: ElementRange): void {
    const { from, to } = range;
    const { buffer, byteOffset, length } = elements;
    // Low word first, as on every host we run on; a label's high word is all sign.
    const words = new Int32Array(buffer, byteOffset, 2 * length);
    for (let index = from; index < to; index += 1) {
      if (index > from) this.#byte(comma);
      const low = words[2 * index] as number;
      if (low >= 0 && words[2 * index + 1] === 0) {
        this.#room(numberBytesMax);
        this.#at = writeWhole(this.#bytes, this.#at, low);
      } else this.text(String(elements[index]));
    }
  }

  #others(tensor: NumericTensor, range: ElementRange): void {
    const { from, to, name } = range;
    for (let index = from; index < to; index += 1) {
      if (index > from) this.#byte(comma);
      this.text(numberText(tensor, index, name));
    }
  }

  #strings(elements: ByteStrings, range: ElementRange): void {
    const { from, to, name } = range;
    for (let index = from; index < to; index += 1) {
      if (index > from) this.#byte(comma);
      const start = elements.offsets[index] as number;
      const end = elements.offsets[index + 1] as number;
      if (isPlain(elements.bytes, start, end)) {
        this.#byte(double);
        this.#room(end - start);
        this.#bytes.set(elements.bytes.subarray(start, end), this.#at);
        this.#at += end - start;
        this.#byte(double);
      } else this.text(stringText(elements, index, name));
    }
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  #room(needed: number): void {
    if (this.#at + needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + needed));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

/** True when the bytes are printable ASCII without quote and backslash. */
function isPlain(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte < 0x20 || byte > 0x7e || byte === double || byte === 0x5c) return false;
  }
  return true;
}

/** A BYTES element as JSON. @throws OUTPUT_NOT_REPRESENTABLE when it is not UTF-8 */
export function stringText(elements: ByteStrings, index: number, name: string): string {
  const text = elements.textAt(index);
  if (text === undefined) throw notRepresentable(name, `element ${index} is not UTF-8`);
  return JSON.stringify(text);
}

/** A number or BOOL as JSON. @throws OUTPUT_NOT_REPRESENTABLE NaN, an infinity, FP16, BF16 */
export function numberText(tensor: NumericTensor, index: number, name: string): string {
  const value = tensor.elements[index] as number | bigint;
  if (typeof value === "bigint") return String(value);
  switch (tensor.dtype) {
    case "FP32":
      if (value - value !== 0) throw notRepresentable(name, `element ${index} is ${value}`);
      return float32Text(value);
    case "FP64":
      if (value - value !== 0) throw notRepresentable(name, `element ${index} is ${value}`);
      return Object.is(value, -0) ? "-0" : String(value);
    case "BOOL":
      return value === 0 ? "false" : "true";
    case "FP16":
    case "BF16":
      throw notRepresentable(name, `${tensor.dtype} cannot travel in JSON`);
    default:
      return String(value);
  }
}

function notRepresentable(name: string, what: string): ServingError {
  const text = `output ${quote(name)}: ${what}, ask for it as binary tensor data`;
  return new ServingError("OUTPUT_NOT_REPRESENTABLE", text, { field: name });
}
