/**
 * Reads JSON lines as rows: a row, an object of fields or a small `/predict` body in each line.
 *
 * A line end cannot stand inside a JSON string, so each one becomes the comma of one long list and
 * the row reader runs through without a reader for every line. A value that would span two lines is
 * found by where it ends.
 */

import { ServingError } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import type { RowPlace } from "../simple/input-rows.ts";
import { RowReader } from "../simple/row-reader.ts";
import { checkRows } from "./check-rows.ts";
import type { RowsRequest, RowsRules } from "./rows-request.ts";

const field = "line";
const openBrace = 0x7b;
const lineFeed = 0x0a;
const comma = 0x2c;
const space = 0x20;

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED */
export function decodeLines(bytes: Buffer, plan: SimplePlan, { limits }: RowsRules): RowsRequest {
  const { list, ends } = listOf(bytes);
  if (ends.length === 0) throw new ServingError("INVALID_REQUEST", "the body has no lines");
  const reader = new JsonReader(list, limits.jsonDepthMax);
  const rows = new RowReader(plan, limits, field);
  reader.enterArray();
  let index = 0;
  for (; reader.nextElement(); index += 1) {
    checkRows(index, field, limits.requestItemsMax);
    readLine(reader, rows, { plan, place: { field, index } });
    reader.peekByte();
    if (reader.at !== ends[index]) throw notOneLine(index);
  }
  reader.end();
  return {
    form: "rows",
    tensors: rows.take(),
    items: rows.rows,
    field,
    indexes: undefined,
    signatureName: undefined,
  };
}

/** The lines as one JSON list, and where in it each of them ends. */
function listOf(bytes: Buffer): { list: Buffer; ends: number[] } {
  const list = Buffer.allocUnsafe(bytes.length + 2);
  const ends: number[] = [];
  list[0] = 0x5b;
  let hasText = false;
  for (let at = 0; at <= bytes.length; at += 1) {
    const byte = bytes[at];
    const isEnd = byte === undefined || byte === lineFeed;
    if (isEnd && hasText) ends.push(at + 1);
    list[at + 1] = isEnd ? (hasText ? comma : space) : byte;
    hasText = isEnd ? false : hasText || byte > space;
  }
  const last = ends.pop();
  if (last === undefined) return { list, ends };
  // Behind the last line there is nothing but white space, up to the bracket.
  list[last] = space;
  list[list.length - 1] = 0x5d;
  ends.push(list.length - 1);
  return { list, ends };
}

function readLine(
  reader: JsonReader,
  rows: RowReader,
  { plan, place }: { readonly plan: SimplePlan; readonly place: RowPlace },
): void {
  if (reader.peekByte() !== openBrace) {
    rows.readRow(reader, place);
    return;
  }
  const mark = reader.rewind(reader.at);
  reader.enterObject();
  const key = reader.nextMember() ? reader.keyText() : "";
  const isField = plan.fieldNames.includes(key);
  const isRow = key === "features" || (key === "text" && plan.kind === "text");
  if (isRow && !isField) {
    rows.readRow(reader, place);
    while (reader.nextMember()) reader.skipValue();
    return;
  }
  if (!isField && manyKeys.includes(key)) throw severalRows(place, key);
  reader.resume(mark);
  rows.readRow(reader, place);
}

/** Keys of `/predict` bodies that hold several rows. */
const manyKeys: readonly string[] = ["instances", "input_data", "texts"];

function severalRows({ index }: RowPlace, key: string): ServingError {
  const message = `line[${index}]: '${key}' holds several rows, expected one row in a line`;
  return new ServingError("INVALID_REQUEST", message, { field: `line[${index}]` });
}

function notOneLine(index: number): ServingError {
  const message = `line[${index}]: expected one JSON value in a line`;
  return new ServingError("INVALID_REQUEST", message, { field: `line[${index}]` });
}
