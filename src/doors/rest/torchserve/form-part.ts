/**
 * Finds one part of a `multipart/form-data` body (RFC 7578) without copying it.
 */
import { ServingError } from "../../../base/index.ts";

export interface FormPart {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Parts that are looked at. */
const partsMax = 64;
/** Bytes of one part's headers at most. */
const headBytesMax = 4_096;

/**
 * The first part with one of `names`, or `undefined`.
 * @throws INVALID_REQUEST no boundary, or a body that is not cut by it
 */
export function formPart(
  body: Buffer,
  contentType: string,
  names: readonly string[],
): FormPart | undefined {
  const mark = Buffer.from(`--${boundaryOf(contentType)}`);
  let from = body.indexOf(mark);
  if (from === -1) throw fault("the form's boundary is not in the body");
  for (let count = 0; count < partsMax; count += 1) {
    const start = from + mark.length;
    if (body[start] === 0x2d && body[start + 1] === 0x2d) return undefined;
    const headEnd = body.indexOf("\r\n\r\n", start);
    const next = body.indexOf(mark, start);
    if (headEnd === -1 || next === -1 || headEnd > next)
      throw fault("a part of the form is cut off");
    const head = body.toString("latin1", start, Math.min(headEnd, start + headBytesMax));
    const headers = headersOf(head);
    if (names.includes(nameOf(headers.disposition))) {
      // The line end before the boundary belongs to it.
      return { contentType: headers.type, bytes: body.subarray(headEnd + 4, next - 2) };
    }
    from = next;
  }
  throw fault(`the form has more than ${partsMax} parts`);
}

function boundaryOf(contentType: string): string {
  const parameter = contentType
    .split(";")
    .map((part) => part.trim())
    .find((part) => part.toLowerCase().startsWith("boundary="));
  const value = parameter?.slice("boundary=".length) ?? "";
  const bare = value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  if (bare === "" || bare.length > 70) {
    throw fault("header 'content-type': expected a boundary of 1 to 70 characters");
  }
  return bare;
}

function headersOf(head: string): { disposition: string; type: string } {
  const found = { disposition: "", type: "" };
  for (const line of head.split("\r\n")) {
    const lower = line.toLowerCase();
    if (lower.startsWith("content-disposition:")) found.disposition = line.slice(20);
    if (lower.startsWith("content-type:")) found.type = lower.slice(13).trim();
  }
  return found;
}

function nameOf(disposition: string): string {
  const parameter = disposition
    .split(";")
    .map((part) => part.trim())
    .find((part) => part.startsWith("name="));
  return parameter?.slice(5).replaceAll('"', "") ?? "";
}

function fault(message: string): ServingError {
  return new ServingError("INVALID_REQUEST", message, { field: "content-type" });
}
