/**
 * Reads a body that is the value itself, as TorchServe's handlers get it: one row, or rows.
 *
 * The nesting tells which: a list as deep as a row of the model is one row, a deeper one holds
 * rows. Objects are rows of named fields, or hold the rows under `instances`, or the value under
 * `data` or `body`, which that server's clients send.
 */

import { ServingError } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import { RowReader } from "../simple/row-reader.ts";
import { checkRows } from "./check-rows.ts";
import type { RowsRequest, RowsRules, ValueForm } from "./rows-request.ts";

const field = "data";
const openBracket = 0x5b;
const openBrace = 0x7b;

/** Keys under which the value may stand, where the model has no field of that name. */
const wrappers: readonly string[] = ["data", "body"];

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED */
export function decodeValue(bytes: Buffer, plan: SimplePlan, { limits }: RowsRules): RowsRequest {
  const reader = new JsonReader(bytes, limits.jsonDepthMax);
  if (reader.peek() === "end") {
    const message = "the body is empty, expected a row, a list of rows or an object";
    throw new ServingError("INVALID_REQUEST", message);
  }
  const rows = new RowReader(plan, limits, field);
  const value = new ValueReader(reader, rows, { plan, requestItemsMax: limits.requestItemsMax });
  const valueForm = value.read();
  reader.end();
  return {
    form: "rows",
    valueForm,
    tensors: rows.take(),
    items: rows.rows,
    field,
    indexes: undefined,
    signatureName: undefined,
  };
}

interface ValueRules {
  readonly plan: SimplePlan;
  readonly requestItemsMax: number;
}

class ValueReader {
  readonly #reader: JsonReader;
  readonly #rows: RowReader;
  readonly #rules: ValueRules;

  constructor(reader: JsonReader, rows: RowReader, rules: ValueRules) {
    this.#reader = reader;
    this.#rows = rows;
    this.#rules = rules;
  }

  read(): ValueForm {
    const reader = this.#reader;
    if (reader.peekByte() === openBrace) return this.#readObject();
    if (reader.peekByte() === openBracket && this.#holdsRows()) {
      this.#readRows();
      return "list";
    }
    this.#rows.readRow(reader, { field, index: -1 });
    return "one";
  }

  /** True when the list that comes next is deeper than a row, or holds objects. */
  #holdsRows(): boolean {
    const { plan } = this.#rules;
    const rowDepth = plan.kind === "fields" ? 1 : (plan.inputs[0]?.rowShape.length ?? 0);
    const { bytes, at } = this.#reader;
    let depth = 0;
    for (let index = at; index < bytes.length; index += 1) {
      const byte = bytes[index] as number;
      if (byte === openBracket) depth += 1;
      else if (byte === openBrace) return true;
      else if (byte > 0x20) break;
    }
    return depth > rowDepth;
  }

  #readRows(): void {
    const reader = this.#reader;
    reader.enterArray();
    for (let index = 0; reader.nextElement(); index += 1) {
      checkRows(index, field, this.#rules.requestItemsMax);
      this.#rows.readRow(reader, { field, index });
    }
  }

  #readObject(): ValueForm {
    const reader = this.#reader;
    const { plan } = this.#rules;
    const mark = reader.rewind(reader.at);
    reader.enterObject();
    const key = reader.nextMember() ? reader.keyText() : "";
    const isOwn = plan.fieldNames.includes(key) || plan.inputs[0]?.name === key;
    const isList = key === "instances" && reader.peekByte() === openBracket;
    if (isOwn || (!isList && !wrappers.includes(key))) {
      reader.resume(mark);
      this.#rows.readRow(reader, { field, index: -1 });
      return "one";
    }
    const form = isList ? "instances" : this.read();
    if (isList) this.#readRows();
    while (reader.nextMember()) reader.skipValue();
    return form;
  }
}
