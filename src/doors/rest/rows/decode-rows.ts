/**
 * Reads a JSON body of TensorFlow Serving, KServe v1, Vertex or MLflow in one pass.
 *
 * All of them hold their values under one key of a few, and differ in which. The rows themselves
 * are read by the reader of the simple dialect, straight into typed arrays. Keys that no rule names
 * are skipped, as those servers do. Runs in a parsing thread too, so it knows plans and bytes only.
 */

import { ServingError } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import { JsonReader, type Tensor } from "../../../tensor/index.ts";
import { wrongKind } from "../simple/input-rows.ts";
import { RowReader } from "../simple/row-reader.ts";
import { checkRows } from "./check-rows.ts";
import { readColumns } from "./read-columns.ts";
import { readFrame } from "./read-frame.ts";
import type { RowsForm, RowsKey, RowsRequest, RowsRules } from "./rows-request.ts";

const openBrace = 0x7b;

/** Bytes of what all examples have in common; each of them reads it again. */
const contextBytesMax = 4_096;

/**
 * @throws INVALID_REQUEST broken JSON, none of the keys, or two of them
 * @throws INVALID_INPUT a value that does not fit the model
 * @throws LIMIT_EXCEEDED too many rows, elements, bytes or levels
 */
export function decodeRows(bytes: Buffer, plan: SimplePlan, rules: RowsRules): RowsRequest {
  const reader = new JsonReader(bytes, rules.limits.jsonDepthMax);
  if (reader.peekByte() !== openBrace) {
    const isEmpty = reader.at === bytes.length;
    const what = isEmpty ? "empty" : reader.shownNext();
    const message = `the body is ${what}, expected an object with ${listed(rules.keys)}`;
    throw new ServingError("INVALID_REQUEST", message);
  }
  const decoder = new Decoder(reader, plan, rules);
  decoder.readBody();
  reader.end();
  return decoder.finish();
}

/** `'instances' or 'inputs'` */
function listed(keys: readonly RowsKey[]): string {
  return keys.map((key) => `'${key}'`).join(" or ");
}

class Decoder {
  readonly #reader: JsonReader;
  readonly #plan: SimplePlan;
  readonly #rules: RowsRules;
  #key: RowsKey | undefined;
  #form: RowsForm = "rows";
  #field = "";
  #tensors: readonly (Tensor | undefined)[] = [];
  #items = 0;
  #signatureName: string | undefined;
  /** Where the features that all examples have in common stand, or -1. */
  #contextAt = -1;
  /** Where the examples stand while a context may still come, or -1. */
  #examplesAt = -1;

  constructor(reader: JsonReader, plan: SimplePlan, rules: RowsRules) {
    this.#reader = reader;
    this.#plan = plan;
    this.#rules = rules;
  }

  readBody(): void {
    const reader = this.#reader;
    reader.enterObject();
    while (reader.nextMember()) this.#readMember();
    if (this.#examplesAt === -1) return;
    const mark = reader.rewind(this.#examplesAt);
    this.#readList("examples");
    reader.resume(mark);
  }

  finish(): RowsRequest {
    if (this.#key === undefined) {
      const keys = this.#rules.keys;
      const message = `Missing '${keys[0]}' in request: expected ${listed(keys)}`;
      throw new ServingError("INVALID_REQUEST", message, { field: keys[0] ?? "" });
    }
    return {
      form: this.#form,
      tensors: this.#tensors,
      items: this.#items,
      field: this.#field,
      indexes: undefined,
      signatureName: this.#signatureName,
    };
  }

  #readMember(): void {
    const reader = this.#reader;
    const key = this.#rules.keys.find((each) => reader.isKey(each));
    if (key !== undefined) {
      this.#claim(key);
      this.#readValues(key);
    } else if (reader.isKey("signature_name")) this.#signatureName = this.#text("signature_name");
    else if (reader.isKey("context") && this.#rules.keys.includes("examples")) this.#skipContext();
    else if (reader.isKey("params") && reader.peek() !== "object" && reader.peek() !== "null") {
      throw wrongKind(reader, "params", "an object");
    } else reader.skipValue();
  }

  #claim(key: RowsKey): void {
    const before = this.#key;
    if (before !== undefined) {
      const message =
        before === key
          ? `'${key}': given twice, expected once`
          : `'${key}': not beside '${before}', expected one of the two`;
      throw new ServingError("INVALID_REQUEST", message, { field: key });
    }
    this.#key = key;
    this.#field = key;
  }

  #readValues(key: RowsKey): void {
    const reader = this.#reader;
    if (key === "inputs") {
      const columns = readColumns(reader, this.#plan, this.#rules.limits);
      this.#form = "columns";
      this.#tensors = columns.tensors;
      this.#items = columns.items;
    } else if (key === "dataframe_split") {
      this.#field = "dataframe_split.data";
      this.#take(readFrame(reader, this.#plan, this.#rules.limits));
    } else if (key === "examples") {
      // The context may come behind them.
      reader.peekByte();
      this.#examplesAt = reader.at;
      reader.skipValue();
    } else this.#readList(key);
  }

  #readList(field: string): void {
    const reader = this.#reader;
    const { limits } = this.#rules;
    const rows = new RowReader(this.#plan, limits, field);
    if (reader.peek() !== "array") throw wrongKind(reader, field, "a list of rows");
    reader.enterArray();
    for (let index = 0; reader.nextElement(); index += 1) {
      checkRows(index, field, limits.requestItemsMax);
      if (field === "examples") this.#readExample(rows, index);
      else rows.readRow(reader, { field, index });
    }
    this.#take(rows);
  }

  #readExample(rows: RowReader, index: number): void {
    const reader = this.#reader;
    const place = { field: "examples", index };
    if (reader.peek() !== "object") {
      throw wrongKind(reader, `examples[${index}]`, "an object of features");
    }
    if (this.#plan.fieldNames.length === 0 || this.#contextAt === -1) {
      rows.readRow(reader, place);
      return;
    }
    rows.readObject(reader, place, () => {
      const mark = reader.rewind(this.#contextAt);
      reader.enterObject();
      while (reader.nextMember()) if (!rows.takeMissing(reader, place)) reader.skipValue();
      reader.resume(mark);
    });
  }

  #skipContext(): void {
    const reader = this.#reader;
    if (reader.peek() !== "object") throw wrongKind(reader, "context", "an object of features");
    this.#contextAt = reader.at;
    reader.skipValue();
    if (reader.at - this.#contextAt <= contextBytesMax) return;
    const message = `context: more than ${contextBytesMax} bytes (a fixed limit)`;
    throw new ServingError("LIMIT_EXCEEDED", message, { field: "context" });
  }

  #take(rows: RowReader): void {
    this.#tensors = rows.take();
    this.#items = rows.rows;
  }

  #text(field: string): string {
    if (this.#reader.peek() !== "string") throw wrongKind(this.#reader, field, "a string");
    return this.#reader.readString();
  }
}
