/**
 * What every way of sending a request has to hold: datatypes, sizes, the length of an id.
 */
import { ServingError } from "../../base/index.ts";
import { type Dtype, dtypeTable, isDtype } from "../dtype.ts";
import type { OipLimits } from "./oip-request.ts";
import { quoteText } from "./quote-text.ts";

/** Bytes of a request's own id, which the reply repeats. */
const idBytesMax = 1_024;

/** Every datatype, for messages. */
export const dtypeNames = Object.keys(dtypeTable).join(", ");

/** @throws INVALID_INPUT for a datatype that there is not */
export function dtypeOf(text: string, field: string): Dtype {
  if (isDtype(text)) return text;
  const message = `${field}: unknown datatype '${quoteText(text)}', expected one of ${dtypeNames}`;
  throw new ServingError("INVALID_INPUT", message, { field });
}

/** The product of a shape. @throws LIMIT_EXCEEDED when it is over `elementsMax` */
export function countOf(
  shape: readonly number[],
  field: string,
  limits: Pick<OipLimits, "elementsMax">,
): number {
  let count = 1;
  for (const size of shape) count = size === 0 ? 0 : count * size;
  if (count <= limits.elementsMax) return count;
  const shown = `[${shape.join(",")}] has more than ${limits.elementsMax} elements`;
  throw new ServingError("LIMIT_EXCEEDED", `${field}: ${shown} (elementsMax)`, {
    field,
    limit: "elementsMax",
  });
}

/** @throws LIMIT_EXCEEDED */
export function checkId(id: string): string {
  if (id.length * 3 <= idBytesMax || Buffer.byteLength(id) <= idBytesMax) return id;
  const message = `id: more than ${idBytesMax} bytes`;
  throw new ServingError("LIMIT_EXCEEDED", message, { field: "id" });
}
