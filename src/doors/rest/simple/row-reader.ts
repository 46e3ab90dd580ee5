/**
 * Reads rows of the simple dialect by the plan of a version: lists, objects of named fields, texts.
 *
 * An object's fields may come in any order; each is taken once, an unknown one is refused with a
 * suggestion (a misspelt field that fell back to its default would be a wrong answer), a missing
 * one takes its default or is refused. The same code reads the fields of form `fields`, where they
 * stand in the body itself.
 */
import { didYouMean, quote, ServingError } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import type { JsonReader, Tensor } from "../../../tensor/index.ts";
import { isBase64Next } from "./base64.ts";
import {
  fieldPath,
  InputRows,
  placeText,
  type RowLimits,
  type RowPlace,
  readListOfOne,
  wrongKind,
} from "./input-rows.ts";

const openBracket = 0x5b;
const openBrace = 0x7b;
const letterN = 0x6e;

const noFields = new Uint8Array(0);

export class RowReader {
  readonly #plan: SimplePlan;
  readonly #inputs: readonly InputRows[];
  readonly #isForeign: boolean;
  /** 1 for each field that the row at hand has given; made with the first named row. */
  #given = noFields;
  /** Of kind `columns`: index of the row's first element. */
  #base = 0;
  /** The field that comes next when a caller keeps the order. */
  #expected = 0;

  /** @param field what holds the rows (`instances`), for messages */
  constructor(plan: SimplePlan, limits: RowLimits, field: string) {
    this.#plan = plan;
    this.#isForeign = limits.isForeign === true;
    const only = plan.inputs[0];
    this.#inputs =
      plan.inputs.length === 1 && only !== undefined
        ? [new InputRows(only, limits, field)]
        : plan.inputs.map((input) => new InputRows(input, limits, field));
  }

  /** Rows read whole. */
  rows = 0;

  /** Reads one row: a list, an object, or a bare value where one value makes a row. */
  readRow(reader: JsonReader, place: RowPlace): void {
    for (const input of this.#inputs) input.mark();
    const byte = reader.peekByte();
    if (byte === openBrace) this.#readObject(reader, place);
    else if (this.#plan.kind === "fields") this.#readFieldList(reader, place);
    else this.#readOnly(reader, place);
    this.rows += 1;
  }

  /** Drops what a faulty row has left behind. */
  undo(): void {
    for (const input of this.#inputs) {
      input.undo();
      input.rows = this.rows;
    }
  }

  /** True when the member at hand is a field of the model; its value was then taken. */
  takeField(reader: JsonReader, place: RowPlace): boolean {
    const index = this.#fieldIndex(reader);
    if (index === -1) return false;
    return this.takeFieldAt(reader, index, place);
  }

  /** Takes the next value as field `index` of the plan. */
  takeFieldAt(reader: JsonReader, index: number, place: RowPlace): boolean {
    const name = this.#plan.fieldNames[index] ?? "";
    if (this.#given[index] === 1) {
      const message = `${fieldPath(place, name)}: given twice, expected once`;
      throw new ServingError("INVALID_REQUEST", message, { field: fieldPath(place, name) });
    }
    this.#expected = index + 1;
    if (reader.peekByte() === letterN && this.#hasDefault(index)) {
      reader.readNull();
      return true;
    }
    this.#given[index] = 1;
    const only = this.#inputs[0];
    if (this.#plan.kind === "columns") {
      if (only?.sink === undefined) return false;
      only.sink.place.length = place.index === -1 ? 0 : 1;
      if (place.index !== -1) only.sink.place[0] = place.index;
      const { sink } = only;
      const readOne = (): void => sink.readAt(reader, this.#base + index, name);
      const isListed = this.#isForeign && reader.peekByte() === openBracket;
      if (isListed) readListOfOne(reader, fieldPath(place, name), readOne);
      else readOne();
    } else {
      this.#inputs[index]?.readRow(reader, place, name);
    }
    return true;
  }

  /** Starts a row of named fields. */
  beginFields(reader: JsonReader): void {
    if (this.#given === noFields) this.#given = new Uint8Array(this.#plan.fieldNames.length);
    else this.#given.fill(0);
    this.#expected = 0;
    const only = this.#inputs[0];
    if (this.#plan.kind !== "columns" || only?.sink === undefined) return;
    this.#base = only.sink.reserve(reader, this.#plan.fieldNames.length);
  }

  /**
   * Ends a row of named fields: defaults are filled in, missing ones refused.
   *
   * @param unknown a key that is no field and may be a missing one misspelt
   */
  endFields(place: RowPlace, unknown?: string): void {
    const only = this.#inputs[0];
    const isColumns = this.#plan.kind === "columns";
    for (let index = 0; index < this.#given.length; index += 1) {
      if (this.#given[index] === 1) continue;
      const value = only?.input.columns?.[index]?.default;
      if (isColumns && value !== undefined) only?.sink?.set(this.#base + index, value);
      else if (isColumns || this.#inputs[index]?.input.isOptional !== true) {
        throw this.#missing(place, index, unknown);
      }
    }
    if (isColumns && only !== undefined) only.rows += 1;
  }

  /** The tensors of all rows, in the order of the plan; `undefined` = optional and never given. */
  take(): (Tensor | undefined)[] {
    return this.#inputs.map((input) => {
      if (input.rows === 0 && input.input.isOptional) return undefined;
      return input.take(this.#plan.isBatchable);
    });
  }

  #readOnly(reader: JsonReader, place: RowPlace): void {
    const only = this.#inputs[0];
    if (only === undefined) throw wrongKind(reader, placeText(place), "no features");
    const { rowElements, dtype } = only.input;
    const isFlat = this.#plan.kind === "columns" && rowElements >= 0 && dtype !== "BYTES";
    if (isFlat && (rowElements !== 1 || reader.peekByte() === openBracket)) {
      only.readNumbers(reader, rowElements, place);
    } else only.readRow(reader, place, "");
  }

  /** True when the member at hand is a field that the row has not given yet; then it is taken. */
  takeMissing(reader: JsonReader, place: RowPlace): boolean {
    const index = this.#fieldIndex(reader);
    if (index === -1 || this.#given[index] === 1) return false;
    return this.takeFieldAt(reader, index, place);
  }

  /** Reads a list whose values are the fields `order` of the plan, each once. */
  readOrdered(reader: JsonReader, place: RowPlace, order: readonly number[]): void {
    for (const input of this.#inputs) input.mark();
    const path = placeText(place);
    const expected = `a list of ${order.length} values`;
    if (reader.peekByte() !== openBracket) throw wrongKind(reader, path, expected);
    this.beginFields(reader);
    reader.enterArray();
    let count = 0;
    while (reader.nextElement()) {
      const index = order[count];
      if (index === undefined) throw wrongCount(path, "more", expected);
      this.takeFieldAt(reader, index, place);
      count += 1;
    }
    if (count !== order.length) throw wrongCount(path, String(count), expected);
    this.endFields(place);
    this.rows += 1;
  }

  /** Reads an object of fields; `fill` may take more before the missing ones are refused. */
  readObject(reader: JsonReader, place: RowPlace, fill: () => void): void {
    for (const input of this.#inputs) input.mark();
    this.#readFields(reader, place, fill);
    this.rows += 1;
  }

  #readObject(reader: JsonReader, place: RowPlace): void {
    if (this.#isForeign && this.#readOnlyByName(reader, place)) return;
    if (this.#plan.fieldNames.length === 0) {
      throw wrongKind(reader, placeText(place), "a list: the model names no fields");
    }
    this.#readFields(reader, place, undefined);
  }

  #readFields(reader: JsonReader, place: RowPlace, fill: (() => void) | undefined): void {
    this.beginFields(reader);
    reader.enterObject();
    while (reader.nextMember()) {
      if (!this.takeField(reader, place)) throw this.#unknown(reader, place);
    }
    fill?.();
    this.endFields(place);
  }

  /** True when the object was bytes, or held the only input by its name and nothing else. */
  #readOnlyByName(reader: JsonReader, place: RowPlace): boolean {
    const [only, ...more] = this.#inputs;
    if (only === undefined || more.length > 0) return false;
    const { name, dtype } = only.input;
    if (dtype === "BYTES" && name !== "b64" && isBase64Next(reader)) {
      only.readRow(reader, place, "");
      return true;
    }
    if (this.#plan.kind === "columns" && this.#plan.fieldNames.includes(name)) return false;
    const mark = reader.rewind(reader.at);
    reader.enterObject();
    if (!reader.nextMember() || reader.keyText() !== name) {
      reader.resume(mark);
      return false;
    }
    only.readRow(reader, place, name);
    if (reader.nextMember()) throw this.#unknown(reader, place);
    return true;
  }

  /** A row of a model with several inputs, as a list in signature order. */
  #readFieldList(reader: JsonReader, place: RowPlace): void {
    const path = placeText(place);
    const names = this.#plan.fieldNames;
    const expected = `a list of ${names.length} values (${names.join(", ")}) or an object`;
    if (reader.peekByte() !== openBracket) throw wrongKind(reader, path, expected);
    reader.enterArray();
    let count = 0;
    while (reader.nextElement()) {
      const input = this.#inputs[count];
      if (input === undefined) throw wrongCount(path, "more", expected);
      input.readRow(reader, place, names[count] ?? "");
      count += 1;
    }
    if (count !== this.#inputs.length) throw wrongCount(path, String(count), expected);
  }

  #fieldIndex(reader: JsonReader): number {
    const names = this.#plan.fieldNames;
    const expected = names[this.#expected];
    if (expected !== undefined && reader.isKey(expected)) return this.#expected;
    return names.indexOf(reader.keyText());
  }

  #hasDefault(index: number): boolean {
    const only = this.#inputs[0]?.input;
    if (this.#plan.kind === "columns") return only?.columns?.[index]?.default !== undefined;
    return this.#inputs[index]?.input.isOptional === true;
  }

  #missing(place: RowPlace, index: number, unknown: string | undefined): ServingError {
    const names = this.#plan.fieldNames;
    const field = fieldPath(place, names[index] ?? "");
    const expected = `expected the fields ${names.join(", ")}`;
    const message =
      unknown === undefined
        ? `${field}: missing, ${expected}`
        : `${field}: missing, and ${quote(unknown)} is unknown: ` +
          `${expected}${didYouMean(unknown, names)}`;
    return new ServingError("INVALID_INPUT", message, { field });
  }

  #unknown(reader: JsonReader, place: RowPlace): ServingError {
    const names = this.#plan.fieldNames;
    const key = reader.keyText();
    const message =
      `${placeText(place)}: unknown field ${quote(key)}, ` +
      `expected ${names.join(", ")}${didYouMean(key, names)}`;
    return new ServingError("INVALID_INPUT", message, { field: placeText(place) });
  }
}

function wrongCount(path: string, got: string, expected: string): ServingError {
  const message = `${path}: a list of ${got} values, expected ${expected}`;
  return new ServingError("INVALID_INPUT", message, { field: path });
}
