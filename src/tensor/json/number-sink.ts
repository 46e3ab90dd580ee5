/**
 * Takes numbers from a JSON reader straight into the typed array of a dtype.
 *
 * One switch over the dtype's code, one store site for each array type, so that every site stays
 * monomorphic; nothing is allocated for a number. Faults name the field with its indices in the
 * caller's own nesting (`instances[3][1]`), which is put together only when a fault is thrown.
 * Memory: never more elements than the bytes still unread could hold.
 */
import { ServingError } from "../../base/index.ts";
import { dtypeTable, type NumericDtype } from "../dtype.ts";
import { type NumericArray, newNumericArray } from "../numeric-array.ts";
import { readBareToken } from "./bare-token.ts";
import { readDouble } from "./float.ts";
import { readFloats } from "./float-run.ts";
import { readExactWhole, readShortWhole } from "./integer.ts";
import type { JsonReader } from "./reader.ts";
import { type WholeRange, wantedNumber, wholeRange } from "./whole-range.ts";

export interface NumberSinkOptions {
  readonly dtype: NumericDtype;
  /** The field in the caller's spelling, for messages. */
  readonly field: string;
  /** Most elements (`elementsMax`). */
  readonly countMax: number;
  /** Elements to make room for at once; the exact number where it is known. */
  readonly capacity: number;
  /** Takes `NaN`, `Infinity` and `-Infinity`, which JSON has not, where a float is wanted. */
  readonly hasBareTokens?: boolean;
}

const openBracket = 0x5b;
const closeBracket = 0x5d;
const noRange = { min: 0n, max: 0n };
const noWords = new Int32Array(0);
/** The first allocation where nothing is known, in elements. */
const firstCapacity = 64;

export class NumberSink {
  readonly dtype: NumericDtype;
  /** Where the numbers are, for messages: the field, then an index for each array around. */
  readonly field: string;
  /** Indices of the arrays around the run that is read; at most `rankMax`. */
  readonly place: number[] = [];
  /** Elements taken so far. */
  count = 0;
  readonly #code: number;
  readonly #countMax: number;
  readonly #hasBareTokens: boolean;
  readonly #range: WholeRange;
  /** The range as doubles; for 64 bits only the lower end is asked. */
  readonly #min: number;
  readonly #max: number;
  #elements: NumericArray;
  /** The elements of INT64 and UINT64 as pairs of words. */
  #words: Int32Array = noWords;
  #capacity: number;

  constructor(options: NumberSinkOptions) {
    const { dtype, field, countMax, capacity } = options;
    if (dtype === "FP16" || dtype === "BF16") {
      throw new ServingError("INVALID_INPUT", `${field}: ${dtype} cannot travel in JSON`, {
        field,
      });
    }
    this.dtype = dtype;
    this.field = field;
    this.#code = dtypeTable[dtype].code;
    this.#countMax = countMax;
    this.#hasBareTokens = options.hasBareTokens === true;
    this.#range = wholeRange(dtype) ?? noRange;
    this.#min = Number(this.#range.min);
    this.#max = Number(this.#range.max);
    this.#capacity = Math.min(capacity, countMax);
    this.#elements = newNumericArray(dtype, this.#capacity);
    this.#adopt(this.#elements);
  }

  /** The elements, exactly `count` of them; the sink must not be used afterwards. */
  take(): NumericArray {
    const { length } = this.#elements;
    return length === this.count ? this.#elements : this.#elements.slice(0, this.count);
  }

  /**
   * Reads one array of exactly `length` numbers and appends them.
   * @throws INVALID_INPUT for another length, another kind or a value that does not fit
   */
  readRow(reader: JsonReader, length: number): void {
    if (reader.peekByte() !== openBracket) throw this.#notAnArray(reader, length);
    reader.enterArray();
    const from = this.count;
    const room = from + length;
    if (room > this.#capacity) this.#grow(reader, length);
    if (reader.nextElement() && !this.#readUntil(reader, from, room)) {
      if (reader.peekByte() === closeBracket) throw reader.unexpected("a value");
      throw this.#wrongLength(length, "more");
    }
    if (this.count !== room) throw this.#wrongLength(length, `${this.count - from}`);
  }

  /** Reads the elements of an array that was entered and is not empty; their number. */
  readRun(reader: JsonReader): number {
    const from = this.count;
    while (!this.#readUntil(reader, from, this.#capacity)) this.#grow(reader, 1);
    return this.count - from;
  }

  /** Reads on from an element: true when the array was closed, false when `count` is `room`. */
  #readUntil(reader: JsonReader, from: number, room: number): boolean {
    const isRun = reader.endsClosed && (this.#code === 12 || this.#code === 13);
    while (this.count < room) {
      if (isRun) {
        const elements = this.#elements as Float32Array | Float64Array;
        const index = readFloats(reader, elements, { first: this.count, room });
        this.count = index < 0 ? -1 - index : index;
        if (index < 0) return !reader.nextElement();
        if (index === room) return false;
      }
      this.#readInto(reader, this.count, this.count - from);
      this.count += 1;
      if (!reader.nextElement()) return true;
    }
    return false;
  }

  /**
   * Reads the next number into element `index`; `reserve` made the room.
   * @param member the name of the value in its object, for messages; "" for none
   */
  readAt(reader: JsonReader, index: number, member: string): void {
    reader.peekByte();
    this.#readInto(reader, index, member);
  }

  /**
   * Counts `length` more elements as taken, for `readAt` and `set`; the index of the first.
   * All of them must be written: after an undone row they hold old numbers.
   */
  reserve(reader: JsonReader, length: number): number {
    const from = this.count;
    if (from + length > this.#capacity) this.#grow(reader, length);
    this.count += length;
    return from;
  }

  /** Sets element `index`. REQUIRES: `value` fits the dtype, and the index was reserved. */
  set(index: number, value: number): void {
    const elements = this.#elements;
    if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
      elements[index] = BigInt(value);
    } else elements[index] = value;
  }

  #readInto(reader: JsonReader, index: number, leaf: number | string): void {
    reader.peekByte();
    const at = reader.at;
    switch (this.#code) {
      case 12: {
        if (this.#hasBareTokens && this.#takeBare(reader, index)) return;
        const value = Math.fround(readDouble(reader));
        if (value - value !== 0) throw this.#fault(reader, at, leaf);
        (this.#elements as Float32Array)[index] = value;
        return;
      }
      case 13: {
        if (this.#hasBareTokens && this.#takeBare(reader, index)) return;
        const value = readDouble(reader);
        if (value - value !== 0) throw this.#fault(reader, at, leaf);
        (this.#elements as Float64Array)[index] = value;
        return;
      }
      case 4:
        (this.#elements as Int32Array)[index] = this.#readWhole(reader, leaf);
        return;
      case 5:
      case 9:
        this.#readWhole64(reader, index, leaf);
        return;
      case 1:
        (this.#elements as Uint8Array)[index] = this.#readBool(reader, leaf);
        return;
      default:
        // One site for the five rare widths.
        (this.#elements as Int16Array)[index] = this.#readWhole(reader, leaf);
    }
  }

  /** Takes the next value if it is a bare token. */
  #takeBare(reader: JsonReader, index: number): boolean {
    const value = readBareToken(reader, reader.at);
    if (value !== undefined) this.set(index, value);
    return value !== undefined;
  }

  #readWhole(reader: JsonReader, leaf: number | string): number {
    const at = reader.at;
    const short = readShortWhole(reader);
    if (short >= this.#min && short <= this.#max) return short;
    return Number(this.#exactWhole(reader, at, leaf));
  }

  #readWhole64(reader: JsonReader, index: number, leaf: number | string): void {
    const at = reader.at;
    const short = readShortWhole(reader);
    if (short >= this.#min) {
      // Two's complement in two words, low word first: the order of every host we run on.
      this.#words[2 * index] = short | 0;
      this.#words[2 * index + 1] = Math.floor(short / 2 ** 32) | 0;
      return;
    }
    const value = this.#exactWhole(reader, at, leaf);
    (this.#elements as BigInt64Array | BigUint64Array)[index] = value;
  }

  /** The general case, from the start of the number. */
  #exactWhole(reader: JsonReader, at: number, leaf: number | string): bigint {
    reader.at = at;
    if (reader.peek() !== "number") throw this.#fault(reader, at, leaf);
    const value = readExactWhole(reader);
    const range = this.#range;
    const isWithin = typeof value === "bigint" && value >= range.min && value <= range.max;
    if (!isWithin) throw this.#fault(reader, at, leaf);
    return value;
  }

  #readBool(reader: JsonReader, leaf: number | string): number {
    const at = reader.at;
    if (reader.peek() === "boolean") return reader.readBoolean() ? 1 : 0;
    const value = readShortWhole(reader);
    if (value !== 0 && value !== 1) throw this.#fault(reader, at, leaf);
    return value;
  }

  #grow(reader: JsonReader, needed: number): void {
    const wanted = this.count + needed;
    if (wanted > this.#countMax) throw this.#overflow();
    // An element and its comma take two bytes at least.
    const unread = Math.floor((reader.bytes.length - reader.at) / 2) + 1;
    // As many as the body holds if it goes on as it began, in no more than twice its bytes.
    const share = (reader.bytes.length / Math.max(1, reader.at)) * Math.max(1, this.count);
    const bytesMax = (2 * reader.bytes.length) / dtypeTable[this.dtype].bytes;
    const guessed = Math.min(Math.ceil((share * 33) / 32), Math.floor(bytesMax));
    const doubled = Math.max(guessed, 2 * this.#capacity, firstCapacity);
    const capacity = Math.max(wanted, Math.min(doubled, this.count + unread, this.#countMax));
    const grown = newNumericArray(this.dtype, capacity);
    copyInto(grown, this.#elements);
    this.#adopt(grown);
  }

  #adopt(elements: NumericArray): void {
    this.#elements = elements;
    this.#capacity = elements.length;
    if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
      this.#words = new Int32Array(elements.buffer);
    }
  }

  #path(leaf: number | string): string {
    const around = this.field + this.place.map((index) => `[${index}]`).join("");
    if (typeof leaf === "number") return `${around}[${leaf}]`;
    return around === "" || leaf === "" ? around + leaf : `${around}.${leaf}`;
  }

  /** The error for the value that starts at `at`. */
  #fault(reader: JsonReader, at: number, leaf: number | string): ServingError {
    reader.at = at;
    const wanted = wantedNumber(this.dtype);
    const isFloat = this.dtype === "FP32" || this.dtype === "FP64";
    const range = isFloat && reader.peek() === "number" ? " within its range" : "";
    return this.#unexpected(reader, this.#path(leaf), wanted + range);
  }

  #unexpected(reader: JsonReader, field: string, wanted: string): ServingError {
    const kind = reader.peek();
    if (kind === "invalid" || kind === "end") return reader.unexpected(wanted);
    const text = `${field}: expected ${wanted}, got ${reader.shownNext()}`;
    return new ServingError("INVALID_INPUT", text, { field });
  }

  #overflow(): ServingError {
    const { field } = this;
    const text = `${field}: more than elementsMax (${this.#countMax} values)`;
    return new ServingError("LIMIT_EXCEEDED", text, { field, limit: "elementsMax" });
  }

  #wrongLength(length: number, got: string): ServingError {
    const field = this.#path("");
    const text = `${field}: expected ${length} values, got ${got}`;
    return new ServingError("INVALID_INPUT", text, { field });
  }

  #notAnArray(reader: JsonReader, length: number): ServingError {
    return this.#unexpected(reader, this.#path(""), `an array of ${length} numbers`);
  }
}

function copyInto(target: NumericArray, source: NumericArray): void {
  const { buffer, byteOffset, byteLength } = source;
  new Uint8Array(target.buffer).set(new Uint8Array(buffer, byteOffset, byteLength));
}
