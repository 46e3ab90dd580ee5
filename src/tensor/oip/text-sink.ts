/**
 * Takes strings from a JSON reader straight into one run of bytes, the twin of the number sink.
 *
 * Memory grows by doubling, so it stays below twice the strings read, whatever a shape promises.
 */
import { ServingError } from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";
import type { JsonReader } from "../json/reader.ts";

export interface TextSinkOptions {
  /** The field in the caller's spelling, for messages. */
  readonly field: string;
  /** Most strings. */
  readonly countMax: number;
  readonly stringElementBytesMax: number;
}

const firstCount = 16;
const firstBytes = 256;

export class TextSink {
  readonly field: string;
  /** Indices of the arrays around the run that is read. */
  readonly place: number[] = [];
  /** Strings taken so far. */
  count = 0;
  readonly #countMax: number;
  readonly #elementBytesMax: number;
  #offsets: Uint32Array;
  #bytes = new Uint8Array(firstBytes);
  #used = 0;

  constructor(options: TextSinkOptions) {
    this.field = options.field;
    this.#countMax = options.countMax;
    this.#elementBytesMax = options.stringElementBytesMax;
    this.#offsets = new Uint32Array(Math.min(firstCount, options.countMax) + 1);
  }

  /** The strings; the sink must not be used afterwards. */
  take(): ByteStrings {
    const offsets = this.#offsets.slice(0, this.count + 1);
    return new ByteStrings(offsets, this.#bytes.subarray(0, this.#used));
  }

  /** Reads the elements of an array that was entered and is not empty; their number. */
  readRun(reader: JsonReader): number {
    const from = this.count;
    do {
      this.#readOne(reader, this.count - from);
    } while (reader.nextElement());
    return this.count - from;
  }

  /** Reads one array of exactly `length` strings. */
  readRow(reader: JsonReader, length: number): void {
    if (reader.peek() !== "array") throw this.#wrongRow(reader, length);
    reader.enterArray();
    const count = reader.nextElement() ? this.readRun(reader) : 0;
    if (count === length) return;
    const field = this.#path();
    const message = `${field}: expected ${length} values, got ${count}`;
    throw new ServingError("INVALID_INPUT", message, { field });
  }

  #readOne(reader: JsonReader, index: number): void {
    if (this.count >= this.#countMax) throw this.#overflow();
    const kind = reader.peek();
    if (kind === "invalid" || kind === "end") throw reader.unexpected("a string");
    if (kind !== "string") {
      const field = `${this.#path()}[${index}]`;
      const message = `${field}: expected a string (BYTES), got ${reader.shownNext()}`;
      throw new ServingError("INVALID_INPUT", message, { field });
    }
    const room = reader.stringRoom();
    this.#reserve(room);
    const end = reader.readStringInto(this.#bytes, this.#used);
    if (end - this.#used > this.#elementBytesMax) throw this.#tooLong(index, end - this.#used);
    this.#used = end;
    this.count += 1;
    if (this.count >= this.#offsets.length) this.#growOffsets();
    this.#offsets[this.count] = end;
  }

  #reserve(bytes: number): void {
    const wanted = this.#used + bytes;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }

  #growOffsets(): void {
    const grown = new Uint32Array(Math.min(2 * this.#offsets.length, this.#countMax + 1));
    grown.set(this.#offsets);
    this.#offsets = grown;
  }

  #path(): string {
    return this.field + this.place.map((index) => `[${index}]`).join("");
  }

  #overflow(): ServingError {
    const message = `${this.field}: more than ${this.#countMax} strings`;
    return new ServingError("LIMIT_EXCEEDED", message, { field: this.field });
  }

  #tooLong(index: number, bytes: number): ServingError {
    const field = `${this.#path()}[${index}]`;
    const limit = `${this.#elementBytesMax} are allowed (stringElementBytesMax)`;
    const message = `${field}: a string of ${bytes} bytes, at most ${limit}`;
    return new ServingError("LIMIT_EXCEEDED", message, { field, limit: "stringElementBytesMax" });
  }

  #wrongRow(reader: JsonReader, length: number): ServingError {
    const expected = `an array of ${length} strings`;
    const kind = reader.peek();
    if (kind === "invalid" || kind === "end") return reader.unexpected(expected);
    const field = this.#path();
    const message = `${field}: expected ${expected}, got ${reader.shownNext()}`;
    return new ServingError("INVALID_INPUT", message, { field });
  }
}
