/**
 * Reads `text/csv` as rows: RFC 4180, with or without a line of names.
 *
 * The cells become one JSON text and are read by the row reader of every other body, so numbers are
 * as exact and faults as well named as there. A first line is one of names only when its cells are
 * fields of the model: guessing would lose a row of data. pandas' spellings of numbers (`+1`, `.5`,
 * `1.`) are taken; an empty cell is a missing value, which only a default can fill.
 */

import { quote, ServingError } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import { dtypeTable, JsonReader } from "../../../tensor/index.ts";
import { RowReader } from "../simple/row-reader.ts";
import { checkRows } from "./check-rows.ts";
import { type Cell, readCsvLines } from "./csv-cells.ts";
import { jsonNumberOf } from "./csv-number.ts";
import type { RowsRequest, RowsRules } from "./rows-request.ts";

/** Messages name rows by this word; the line of names is not counted. */
const field = "line";

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED */
export function decodeCsv(bytes: Buffer, plan: SimplePlan, { limits }: RowsRules): RowsRequest {
  checkPlan(plan);
  const cellsMax = cellsOf(plan) ?? limits.elementsMax;
  const lines = readCsvLines(bytes, { linesMax: limits.requestItemsMax + 1, cellsMax });
  const first = lines[0];
  if (first === undefined) throw new ServingError("INVALID_REQUEST", "the body has no lines");
  const names = first.map((cell) => cell.text);
  const isHeader = plan.fieldNames.length > 0 && names.every((name) => isField(plan, name));
  const order = isHeader ? headerOrder(plan, names) : undefined;
  const rows = isHeader ? lines.slice(1) : lines;
  const json = rows.map((cells, index) => rowJson(cells, { plan, order, index }));
  const reader = new JsonReader(Buffer.from(`[${json.join(",")}]`), limits.jsonDepthMax);
  const into = new RowReader(plan, limits, field);
  const cells = order ?? plan.fieldNames.map((_, position) => position);
  reader.enterArray();
  for (let index = 0; reader.nextElement(); index += 1) {
    checkRows(index, field, limits.requestItemsMax);
    const place = { field, index };
    if (plan.fieldNames.length === 0) into.readRow(reader, place);
    else into.readOrdered(reader, place, cells);
  }
  return {
    form: "rows",
    tensors: into.take(),
    items: into.rows,
    field,
    indexes: undefined,
    signatureName: undefined,
  };
}

/** Values of a line, or `undefined` when any number will do. */
function cellsOf({ fieldNames, inputs }: SimplePlan): number | undefined {
  if (fieldNames.length > 0) return fieldNames.length;
  const elements = inputs[0]?.rowElements ?? -1;
  return elements === -1 ? undefined : elements;
}

function isField(plan: SimplePlan, name: string): boolean {
  return plan.fieldNames.includes(name);
}

function headerOrder(plan: SimplePlan, names: readonly string[]): number[] {
  const order = names.map((name) => plan.fieldNames.indexOf(name));
  if (new Set(order).size === order.length) return order;
  const message = "the line of names: a name stands there twice, expected each once";
  throw new ServingError("INVALID_INPUT", message, { field });
}

/** @throws INVALID_INPUT when an item of the model is no list of single values */
function checkPlan(plan: SimplePlan): void {
  const isOneEach = plan.inputs.every((input) => input.rowElements === 1);
  if (plan.kind === "columns" || isOneEach) return;
  const message = "an item of this model is no line of values, expected a body of JSON";
  throw new ServingError("INVALID_INPUT", message, { field: "content-type" });
}

interface RowOf {
  readonly plan: SimplePlan;
  /** The field of each cell, or `undefined` for the plan's own order. */
  readonly order: readonly number[] | undefined;
  readonly index: number;
}

function rowJson(cells: readonly Cell[], of: RowOf): string {
  const { plan, order } = of;
  const texts = cells.map((cell, position) => {
    const index = order === undefined ? position : (order[position] ?? position);
    const input = plan.kind === "columns" ? plan.inputs[0] : plan.inputs[index];
    const isText = input !== undefined && dtypeTable[input.dtype].kind === "bytes";
    return isText ? JSON.stringify(cell.text) : numberJson(cell, index, of);
  });
  return `[${texts.join(",")}]`;
}

function numberJson(cell: Cell, index: number, { plan, index: row }: RowOf): string {
  const text = cell.text.trim();
  const hasDefault = plan.kind === "columns" && defaultOf(plan, index) !== undefined;
  if (text === "" && hasDefault) return "null";
  const number = jsonNumberOf(text);
  if (number !== undefined) return number;
  const name = plan.fieldNames[index];
  const place = `${field}[${row}]${name === undefined ? `[${index}]` : `.${name}`}`;
  const got = text === "" ? "an empty cell" : quote(text);
  throw new ServingError("INVALID_INPUT", `${place}: expected a number, got ${got}`, {
    field: place,
  });
}

function defaultOf(plan: SimplePlan, index: number): number | undefined {
  return plan.inputs[0]?.columns?.[index]?.default;
}
