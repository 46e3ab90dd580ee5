/**
 * Takes typed fields out of a parsed text-format message and remembers which were taken.
 *
 * What is left at the end was not understood: that is a warning, never silence.
 */
import { quote } from "../../../base/index.ts";
import { type TextMessage, type TextScalar, type TextValue, textFault } from "./text-format.ts";

export interface ReaderNotes {
  /** The file's name, for messages. */
  readonly file: string;
  /** Takes warnings; at most 100 are kept. */
  readonly warnings: string[];
}

const warningsMax = 100;
/** Entries of one repeated field at most. */
const entriesMax = 10_000;

export class FieldReader {
  readonly #message: TextMessage;
  readonly #notes: ReaderNotes;
  /** At most one entry a field of the message. */
  readonly #taken = new Set<string>();

  constructor(message: TextMessage, notes: ReaderNotes) {
    this.#message = message;
    this.#notes = notes;
  }

  /** Where the message begins. */
  get line(): number {
    return this.#message.line;
  }

  /** The line of a field, or of the message when it has none such. */
  lineOf(key: string): number {
    return this.#message.fields.get(key)?.[0]?.line ?? this.line;
  }

  /** The last value of a string field: what a parser of protocol buffers keeps. */
  string(key: string): string | undefined {
    return this.#scalar(key, "string")?.text;
  }

  /** A bare word: an enum value, true or false. */
  word(key: string): string | undefined {
    return this.#scalar(key, "word")?.text;
  }

  /** A whole number between `min` and `max`. */
  integer(key: string, min: number, max: number): number | undefined {
    const scalar = this.#scalar(key, "number");
    return scalar === undefined ? undefined : this.#whole(key, scalar, { min, max });
  }

  /** All whole numbers of a repeated field; `undefined` when there is none. */
  integers(key: string): readonly number[] | undefined {
    const values = this.#values(key);
    if (values === undefined) return undefined;
    const range = { min: -1, max: Number.MAX_SAFE_INTEGER };
    return values.map((value) => this.#whole(key, this.#expect(key, value, "number"), range));
  }

  /** The last message of a field. */
  message(key: string): FieldReader | undefined {
    return this.messages(key).at(-1);
  }

  messages(key: string): readonly FieldReader[] {
    return (this.#values(key) ?? []).map((value) => {
      if (value.kind === "message") return new FieldReader(value, this.#notes);
      const text = `${key}: got ${quote(value.text)}, expected a message in braces`;
      throw textFault(this.#notes.file, value.line, text);
    });
  }

  /** Passes over a field that needs no warning. */
  skip(key: string): void {
    this.#taken.add(key);
  }

  warn(text: string): void {
    const { file, warnings } = this.#notes;
    if (warnings.length < warningsMax) warnings.push(`${file}: ${text}`);
  }

  /** Warns of each field that nobody took. */
  warnOfRest(): void {
    for (const [key, values] of this.#message.fields) {
      if (this.#taken.has(key)) continue;
      const line = values[0]?.line ?? this.line;
      this.warn(`line ${line}: key ${quote(key)} is not used here`);
    }
  }

  #values(key: string): readonly TextValue[] | undefined {
    this.#taken.add(key);
    const values = this.#message.fields.get(key);
    if (values === undefined || values.length <= entriesMax) return values;
    const text = `${key}: ${values.length} entries, expected at most ${entriesMax}`;
    throw textFault(this.#notes.file, this.lineOf(key), text);
  }

  #scalar(key: string, kind: TextScalar["kind"]): TextScalar | undefined {
    const value = this.#values(key)?.at(-1);
    return value === undefined ? undefined : this.#expect(key, value, kind);
  }

  #expect(key: string, value: TextValue, kind: TextScalar["kind"]): TextScalar {
    if (value.kind === kind) return value;
    const got = value.kind === "message" ? "a message" : `${value.kind} ${quote(value.text)}`;
    throw textFault(this.#notes.file, value.line, `${key}: got ${got}, expected a ${kind}`);
  }

  #whole(key: string, scalar: TextScalar, range: { min: number; max: number }): number {
    const value = wholeNumber(scalar.text);
    if (value !== undefined && value >= range.min && value <= range.max) return value;
    const expected = `expected a whole number from ${range.min} to ${range.max}`;
    throw textFault(
      this.#notes.file,
      scalar.line,
      `${key}: got ${quote(scalar.text)}, ${expected}`,
    );
  }
}

/** Decimal, hexadecimal (0x1f) and octal (017) whole numbers of the text format. */
function wholeNumber(text: string): number | undefined {
  const isNegative = text.startsWith("-");
  const digits = isNegative || text.startsWith("+") ? text.slice(1) : text;
  const isOctal = digits.length > 1 && digits.startsWith("0") && !digits.startsWith("0x");
  const value = Number(isOctal ? `0o${digits.slice(1)}` : digits);
  const isWhole = digits !== "" && Number.isSafeInteger(value) && !digits.includes(".");
  if (!isWhole) return undefined;
  return isNegative ? -value : value;
}
