/**
 * Reads `dataframe_split`: `{"columns": [names], "data": [[values]], "index"?}`.
 *
 * Columns may come in any order and are matched by name where the model names its fields; a model
 * without names takes them by position. `data` may stand before `columns`.
 */

import { didYouMean, quote, ServingError } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import type { JsonReader } from "../../../tensor/index.ts";
import type { DecodeLimits } from "../simple/decode.ts";
import { wrongKind } from "../simple/input-rows.ts";
import { RowReader } from "../simple/row-reader.ts";
import { checkRows } from "./check-rows.ts";

const field = "dataframe_split.data";
const columnsField = "dataframe_split.columns";

/** Names in a header at most. */
const columnsMax = 100_000;

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED */
export function readFrame(reader: JsonReader, plan: SimplePlan, limits: DecodeLimits): RowReader {
  if (reader.peek() !== "object") throw wrongKind(reader, "dataframe_split", "an object");
  let dataAt = -1;
  let names: readonly string[] | undefined;
  reader.enterObject();
  while (reader.nextMember()) {
    if (reader.isKey("columns")) names = readColumnNames(reader);
    else if (reader.isKey("data")) {
      reader.peekByte();
      dataAt = reader.at;
      reader.skipValue();
    } else reader.skipValue();
  }
  if (dataAt === -1) throw missing(field, "a list of rows");
  if (names === undefined && plan.fieldNames.length > 0) {
    throw missing(columnsField, `the names ${plan.fieldNames.join(", ")}`);
  }
  const order = orderOf(plan, names ?? []);
  const mark = reader.rewind(dataAt);
  const rows = readData(reader, new RowReader(plan, limits, field), { order, limits });
  reader.resume(mark);
  return rows;
}

function readData(
  reader: JsonReader,
  rows: RowReader,
  { order, limits }: { readonly order: readonly number[] | undefined; limits: DecodeLimits },
): RowReader {
  if (reader.peek() !== "array") throw wrongKind(reader, field, "a list of rows");
  reader.enterArray();
  for (let index = 0; reader.nextElement(); index += 1) {
    checkRows(index, field, limits.requestItemsMax);
    const place = { field, index };
    if (order === undefined) rows.readRow(reader, place);
    else rows.readOrdered(reader, place, order);
  }
  return rows;
}

function readColumnNames(reader: JsonReader): readonly string[] {
  const expected = "a list of names";
  if (reader.peek() !== "array") throw wrongKind(reader, columnsField, expected);
  const names: string[] = [];
  reader.enterArray();
  while (reader.nextElement()) {
    if (names.length === columnsMax) {
      const message = `${columnsField}: more than ${columnsMax} names (a fixed limit)`;
      throw new ServingError("LIMIT_EXCEEDED", message, { field: columnsField });
    }
    // pandas numbers the columns of a table that has no names.
    if (reader.peek() === "number") {
      const from = reader.at;
      reader.skipValue();
      names.push(reader.bytes.toString("latin1", from, reader.at));
    } else if (reader.peek() === "string") names.push(reader.readString());
    else throw wrongKind(reader, `${columnsField}[${names.length}]`, "a name");
  }
  return names;
}

/**
 * The field of the plan that each column is; `undefined` when rows are read as they stand.
 * @throws INVALID_INPUT an unknown name, or one given twice
 */
export function orderOf(plan: SimplePlan, names: readonly string[]): number[] | undefined {
  const known = plan.fieldNames;
  if (known.length === 0) return undefined;
  const order = names.map((name) => {
    const index = known.indexOf(name);
    if (index !== -1) return index;
    const message =
      `${columnsField}: unknown name ${quote(name)}, ` +
      `expected ${known.join(", ")}${didYouMean(name, known)}`;
    throw new ServingError("INVALID_INPUT", message, { field: columnsField });
  });
  if (new Set(order).size === order.length) return order;
  const message = `${columnsField}: a name stands there twice, expected each once`;
  throw new ServingError("INVALID_INPUT", message, { field: columnsField });
}

function missing(name: string, expected: string): ServingError {
  const message = `${name}: missing, expected ${expected}`;
  return new ServingError("INVALID_REQUEST", message, { field: name });
}
