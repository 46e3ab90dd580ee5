/**
 * The limit on the rows of a body, asked before a row is read.
 */
import { ServingError } from "../../../base/index.ts";

/** @throws LIMIT_EXCEEDED when there is one row more than a request may have */
export function checkRows(index: number, field: string, requestItemsMax: number): void {
  if (index < requestItemsMax) return;
  const message = `${field}: more than ${requestItemsMax} rows (requestItemsMax)`;
  throw new ServingError("LIMIT_EXCEEDED", message, { field, limit: "requestItemsMax" });
}
