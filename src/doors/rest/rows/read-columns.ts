/**
 * Reads `inputs`: whole tensors, bare when the model has one input, else by name.
 *
 * A tensor of a model with items is a list of items. Where the only input has named columns, those
 * may stand by themselves, each with a value for every item (MLflow's `{"age": [1, 2]}`).
 */

import { didYouMean, quote, ServingError } from "../../../base/index.ts";
import type { FeatureInput, SimplePlan } from "../../../service/index.ts";
import {
  type JsonReader,
  makeTensor,
  NumberSink,
  type NumericArray,
  type NumericDtype,
  newNumericArray,
  type Tensor,
} from "../../../tensor/index.ts";
import { isBase64Next } from "../simple/base64.ts";
import type { DecodeLimits } from "../simple/decode.ts";
import { InputRows, wrongKind } from "../simple/input-rows.ts";
import { checkRows } from "./check-rows.ts";

export interface Columns {
  /** In the order of the plan's inputs. */
  readonly tensors: readonly (Tensor | undefined)[];
  /** Items of the first tensor. */
  readonly items: number;
}

const openBrace = 0x7b;
const openBracket = 0x5b;

/** @throws INVALID_INPUT, INVALID_REQUEST, LIMIT_EXCEEDED */
export function readColumns(reader: JsonReader, plan: SimplePlan, limits: DecodeLimits): Columns {
  const columns = new ColumnReader(reader, plan, limits);
  const only = plan.inputs.length === 1 ? plan.inputs[0] : undefined;
  const isNamed =
    reader.peekByte() === openBrace && !(only?.dtype === "BYTES" && isBase64Next(reader));
  if (isNamed) columns.readNamed();
  else if (only !== undefined) columns.readTensor(0, "inputs");
  else throw wrongKind(reader, "inputs", `an object of ${plan.fieldNames.join(", ")}`);
  return columns.finish();
}

class ColumnReader {
  readonly #reader: JsonReader;
  readonly #plan: SimplePlan;
  readonly #limits: DecodeLimits;
  readonly #tensors: (Tensor | undefined)[];
  /** Columns of the only input that stand by themselves. */
  readonly #parts: (NumericArray | undefined)[] = [];
  #items = -1;

  constructor(reader: JsonReader, plan: SimplePlan, limits: DecodeLimits) {
    this.#reader = reader;
    this.#plan = plan;
    this.#limits = limits;
    this.#tensors = plan.inputs.map(() => undefined);
  }

  finish(): Columns {
    if (this.#parts.length > 0) this.#join();
    // A model that takes a request as a whole has one item, also where it takes no input at all.
    const itemsOfNothing = this.#plan.isBatchable ? 0 : 1;
    return { tensors: this.#tensors, items: this.#items === -1 ? itemsOfNothing : this.#items };
  }

  readNamed(): void {
    const reader = this.#reader;
    const { inputs, fieldNames, kind } = this.#plan;
    reader.enterObject();
    while (reader.nextMember()) {
      const name = reader.keyText();
      const field = `inputs.${quote(name).slice(1, -1)}`;
      const index = inputs.findIndex((input) => input.name === name);
      const column = kind === "columns" ? fieldNames.indexOf(name) : -1;
      if (column !== -1) this.#readColumn(column, field);
      else if (index !== -1) this.readTensor(index, field);
      else throw this.#unknown(name);
    }
  }

  /** Reads the next value as the whole of input `index`. */
  readTensor(index: number, field: string): void {
    const reader = this.#reader;
    const input = this.#plan.inputs[index] as FeatureInput;
    if (this.#tensors[index] !== undefined) throw givenTwice(field);
    const rows = new InputRows(input, this.#limits, field);
    if (!this.#plan.isBatchable) rows.readRow(reader, { field, index: -1 }, "");
    else this.#readItems(rows, field);
    this.#tensors[index] = rows.take(this.#plan.isBatchable);
    if (this.#items === -1) this.#items = rows.rows;
  }

  #readItems(rows: InputRows, field: string): void {
    const reader = this.#reader;
    const { rowShape, rowElements, dtype } = rows.input;
    const isFlat = rowShape.length === 1 && rowElements > 0 && dtype !== "BYTES";
    if (reader.peekByte() !== openBracket) throw wrongKind(reader, field, "a list of items");
    reader.enterArray();
    for (let item = 0; reader.nextElement(); item += 1) {
      checkRows(item, field, this.#limits.requestItemsMax);
      const place = { field, index: item };
      if (isFlat && reader.peekByte() === openBracket) {
        rows.readNumbers(reader, rowElements, place);
      } else rows.readRow(reader, place, "");
    }
  }

  #readColumn(column: number, field: string): void {
    const reader = this.#reader;
    const { dtype } = this.#plan.inputs[0] as FeatureInput;
    if (this.#parts[column] !== undefined) throw givenTwice(field);
    if (reader.peekByte() !== openBracket) throw wrongKind(reader, field, "a list of values");
    const countMax = this.#limits.elementsMax;
    const sink = new NumberSink({ dtype: dtype as NumericDtype, field, countMax, capacity: 1 });
    reader.enterArray();
    for (let item = 0; reader.nextElement(); item += 1) {
      checkRows(item, field, this.#limits.requestItemsMax);
      sink.place[0] = item;
      if (reader.peekByte() !== openBracket) sink.readAt(reader, sink.reserve(reader, 1), "");
      else sink.readRow(reader, 1);
    }
    const values = sink.take();
    if (this.#items === -1) this.#items = values.length;
    if (values.length !== this.#items) {
      const message = `${field}: ${values.length} values, expected ${this.#items} as before it`;
      throw new ServingError("INVALID_INPUT", message, { field });
    }
    this.#parts[column] = values;
  }

  /** Lays the columns side by side. */
  #join(): void {
    const input = this.#plan.inputs[0] as FeatureInput;
    if (this.#tensors[0] !== undefined) throw givenTwice("inputs");
    const names = this.#plan.fieldNames;
    const joined = newNumericArray(input.dtype as NumericDtype, this.#items * names.length);
    for (let column = 0; column < names.length; column += 1) {
      this.#lay(joined, column, input.columns?.[column]?.default);
    }
    this.#tensors[0] = makeTensor(input.dtype, [this.#items, names.length], joined);
  }

  #lay(joined: NumericArray, column: number, fallback: number | undefined): void {
    const names = this.#plan.fieldNames;
    const values = this.#parts[column];
    if (values === undefined && fallback === undefined) {
      const field = `inputs.${names[column]}`;
      const message = `${field}: missing, expected the columns ${names.join(", ")}`;
      throw new ServingError("INVALID_INPUT", message, { field });
    }
    const isWide = joined instanceof BigInt64Array || joined instanceof BigUint64Array;
    const spare = isWide ? BigInt(fallback ?? 0) : (fallback ?? 0);
    for (let item = 0; item < this.#items; item += 1) {
      joined[item * names.length + column] = values?.[item] ?? spare;
    }
  }

  #unknown(name: string): ServingError {
    const { inputs, fieldNames } = this.#plan;
    const known = [...new Set([...inputs.map((input) => input.name), ...fieldNames])];
    const message =
      `inputs: unknown input ${quote(name)}, ` +
      `expected ${known.join(", ")}${didYouMean(name, known)}`;
    return new ServingError("INVALID_INPUT", message, { field: "inputs" });
  }
}

function givenTwice(field: string): ServingError {
  return new ServingError("INVALID_REQUEST", `${field}: given twice, expected once`, { field });
}
