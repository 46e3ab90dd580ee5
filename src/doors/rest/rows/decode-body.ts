/**
 * Reads a body of rows, however it is written.
 */
import type { SimplePlan } from "../../../service/index.ts";
import { decodeCsv } from "./decode-csv.ts";
import { decodeLines } from "./decode-lines.ts";
import { decodeRows } from "./decode-rows.ts";
import { decodeValue } from "./decode-value.ts";
import type { RowsRequest, RowsRules } from "./rows-request.ts";

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED */
export function decodeBody(bytes: Buffer, plan: SimplePlan, rules: RowsRules): RowsRequest {
  if (rules.format === "csv") return decodeCsv(bytes, plan, rules);
  if (rules.format === "lines") return decodeLines(bytes, plan, rules);
  if (rules.format === "value") return decodeValue(bytes, plan, rules);
  return decodeRows(bytes, plan, rules);
}
