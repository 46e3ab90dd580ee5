/**
 * Collects the rows of one input, each read straight from JSON into the tensor's own elements.
 *
 * A row is a number or text where one element makes a row, else a nested list of the row's shape; a
 * free dimension takes the size of the first row, and all rows must have it. `undo` drops what a
 * faulty row has left behind, so that its neighbours may go on.
 */
import { type LimitName, ServingError } from "../../../base/index.ts";
import type { FeatureInput } from "../../../service/index.ts";
import {
  ByteStrings,
  type JsonReader,
  makeTensor,
  NumberSink,
  type NumericDtype,
  type Tensor,
} from "../../../tensor/index.ts";
import { readBase64 } from "./base64.ts";

export interface RowLimits {
  readonly elementsMax: number;
  readonly stringElementBytesMax: number;
  /**
   * Rows as foreign dialects write them, too: bytes as `{"b64":"..."}`, the only input by its name,
   * one value in a list of its own.
   */
  readonly isForeign?: boolean;
  /** Takes `NaN`, `Infinity` and `-Infinity` where a float is wanted. */
  readonly hasBareTokens?: boolean;
}

/** How a row stands in the body, for messages. */
export interface RowPlace {
  /** `features`, `instances`, or a field's name. */
  readonly field: string;
  /** Index of the row in its list, or -1 when the row stands alone. */
  readonly index: number;
}

/** `instances[3]` or `features`. */
export function placeText(place: RowPlace): string {
  return place.index === -1 ? place.field : `${place.field}[${place.index}]`;
}

/** `instances[3].age`, `features`, or `age` when the fields stand by themselves. */
export function fieldPath(place: RowPlace, name: string): string {
  const row = place.field === "" ? "" : placeText(place);
  if (row === "") return name;
  return name === "" ? row : `${row}.${name}`;
}

const openBracket = 0x5b;
const openBrace = 0x7b;
const doubleQuote = 0x22;

export class InputRows {
  readonly input: FeatureInput;
  /** Rows taken. */
  rows = 0;
  readonly #limits: RowLimits;
  readonly #sink: NumberSink | undefined;
  readonly #texts: (string | Buffer)[] = [];
  /** Sizes of a row's dimensions; free ones are -1 until the first row. */
  #sizes: readonly number[];
  #undoCount = 0;
  /** The member of the row that is being read, for messages. */
  #member = "";

  constructor(input: FeatureInput, limits: RowLimits, field: string) {
    this.input = input;
    this.#limits = limits;
    this.#sizes = input.rowShape;
    if (input.dtype === "BYTES") return;
    this.#sink = new NumberSink({
      dtype: input.dtype as NumericDtype,
      field,
      countMax: limits.elementsMax,
      capacity: Math.max(1, input.rowElements),
      hasBareTokens: limits.hasBareTokens === true,
    });
  }

  get sink(): NumberSink | undefined {
    return this.#sink;
  }

  /** Marks the start of a row. */
  mark(): void {
    this.#undoCount = this.#sink?.count ?? this.#texts.length;
  }

  /** Drops what was read since `mark`. */
  undo(): void {
    if (this.#sink !== undefined) this.#sink.count = this.#undoCount;
    else this.#texts.length = this.#undoCount;
  }

  /**
   * Reads one row from the next value.
   *
   * @param member the field of the row that this input is, or "" when it is the whole row
   */
  readRow(reader: JsonReader, place: RowPlace, member: string): void {
    const isScalar = reader.peekByte() !== openBracket;
    this.#setPlace(place);
    this.#member = member;
    const path = fieldPath(place, member);
    if (isScalar && this.input.rowElements === 1) this.#readOne(reader, path);
    else if (!isScalar && this.input.rowShape.length === 0 && this.#limits.isForeign === true) {
      readListOfOne(reader, path, () => this.#readOne(reader, path));
    } else this.#readNested(reader, 0, path);
    this.rows += 1;
  }

  /** Reads one row of `length` numbers, the fast road. REQUIRES: the row's rank is 1. */
  readNumbers(reader: JsonReader, length: number, place: RowPlace): void {
    this.#setPlace(place);
    this.#sink?.readRow(reader, length);
    this.rows += 1;
  }

  /** The tensor of all rows. */
  take(isBatchable: boolean): Tensor {
    const sizes = this.input.rowElements < 0 ? this.#sizes.map(atLeast0) : this.#sizes;
    const shape = isBatchable ? [this.rows, ...sizes] : sizes;
    if (this.#sink !== undefined) return makeTensor(this.#sink.dtype, shape, this.#sink.take());
    const parts = this.#texts.map((text) => (typeof text === "string" ? Buffer.from(text) : text));
    return makeTensor("BYTES", shape, ByteStrings.fromBytes(parts));
  }

  #setPlace(place: RowPlace): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    const depth = place.index === -1 ? 0 : 1;
    // Setting a length that it has costs as much as reading a number.
    if (sink.place.length !== depth) sink.place.length = depth;
    if (depth === 1) sink.place[0] = place.index;
  }

  #readOne(reader: JsonReader, path: string): void {
    const sink = this.#sink;
    if (sink === undefined) {
      this.#readText(reader, path);
      return;
    }
    sink.readAt(reader, sink.reserve(reader, 1), this.#member);
  }

  #readText(reader: JsonReader, path: string): void {
    const isBase64 = this.#limits.isForeign === true && reader.peekByte() === openBrace;
    if (!isBase64 && reader.peekByte() !== doubleQuote) throw wrongKind(reader, path, "a string");
    const text = isBase64 ? readBase64(reader, path) : reader.readString();
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#limits.stringElementBytesMax) {
      const limit = this.#limits.stringElementBytesMax;
      const allowed = `the limit is ${limit} (stringElementBytesMax)`;
      const message = `${path}: the text has ${bytes} bytes; ${allowed}`;
      throw overLimit(path, message, "stringElementBytesMax");
    }
    if (this.#texts.length >= this.#limits.elementsMax) {
      const message = `${path}: more than ${this.#limits.elementsMax} elements`;
      throw overLimit(path, message, "elementsMax");
    }
    this.#texts.push(text);
  }

  /** Reads the list of dimension `level`, and checks or sets that dimension's size. */
  #readNested(reader: JsonReader, level: number, path: string): void {
    const expected = `a list${nestedShape(this.#sizes.slice(level))}`;
    if (level >= this.#sizes.length) {
      this.#readOne(reader, path);
      return;
    }
    if (reader.peekByte() !== openBracket) throw wrongKind(reader, path, expected);
    reader.enterArray();
    let count = 0;
    while (reader.nextElement()) {
      this.#readNested(reader, level + 1, path);
      count += 1;
    }
    const size = this.#sizes[level] ?? -1;
    if (size === -1) this.#sizes = this.#sizes.with(level, count);
    else if (size !== count) {
      const message = `${path}: a list of ${count} values, expected ${expected}`;
      throw new ServingError("INVALID_INPUT", message, { field: path });
    }
  }
}

function atLeast0(size: number): number {
  return Math.max(size, 0);
}

function nestedShape(sizes: readonly number[]): string {
  const shown = sizes.map((size) => (size < 0 ? "any" : String(size))).join(" x ");
  return sizes.length === 0 ? "" : ` of ${shown} values`;
}

/** Reads a list that holds one value. @throws INVALID_INPUT when it holds none or more */
export function readListOfOne(reader: JsonReader, path: string, readOne: () => void): void {
  reader.enterArray();
  const isGiven = reader.nextElement();
  if (isGiven) readOne();
  if (isGiven && !reader.nextElement()) return;
  const message = `${path}: a list of ${isGiven ? "several values" : "none"}, expected one value`;
  throw new ServingError("INVALID_INPUT", message, { field: path });
}

/** INVALID_INPUT for a value of another kind. */
export function wrongKind(reader: JsonReader, path: string, expected: string): ServingError {
  const message = `${path}: ${reader.shownNext()}, expected ${expected}`;
  return new ServingError("INVALID_INPUT", message, { field: path });
}

function overLimit(field: string, message: string, limit: LimitName): ServingError {
  return new ServingError("LIMIT_EXCEEDED", message, { field, limit });
}
