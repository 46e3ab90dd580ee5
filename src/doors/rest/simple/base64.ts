/**
 * Bytes in JSON as TensorFlow Serving writes them: `{"b64": "aGVsbG8="}`.
 *
 * Node's own decoder skips what it does not know; here that is a fault of the caller, because a
 * picture with a missing byte would still get an answer.
 */
import { ServingError } from "../../../base/index.ts";
import type { JsonReader } from "../../../tensor/index.ts";

const form = 'an object {"b64": "..."}';

/** True when the object that comes next has `b64` as its first key; nothing is read. */
export function isBase64Next(reader: JsonReader): boolean {
  const mark = reader.rewind(reader.at);
  reader.enterObject();
  const isIt = reader.nextMember() && reader.isKey("b64");
  reader.resume(mark);
  return isIt;
}

/** Reads the object that comes next. @throws INVALID_INPUT another object, or no base64 */
export function readBase64(reader: JsonReader, path: string): Buffer {
  reader.enterObject();
  if (!reader.nextMember() || !reader.isKey("b64")) throw fault(path, `expected ${form}`);
  if (reader.peek() !== "string") {
    throw fault(`${path}.b64`, `expected base64, got ${reader.shownNext()}`);
  }
  const bytes = bytesOf(reader.readString());
  if (bytes === undefined) throw fault(`${path}.b64`, "expected base64 (RFC 4648)");
  if (reader.nextMember()) throw fault(path, `more than one key, expected ${form}`);
  return bytes;
}

/** The bytes, or `undefined` when the text is no base64 of either alphabet. */
function bytesOf(text: string): Buffer | undefined {
  const padded = text.indexOf("=");
  const digits = padded === -1 ? text : text.slice(0, padded);
  const isPadding = padded === -1 || text.slice(padded) === "=".repeat((4 - (padded % 4)) % 4);
  if (!isPadding || digits.length % 4 === 1) return undefined;
  for (let index = 0; index < digits.length; index += 1) {
    if (!isDigit(digits.charCodeAt(index))) return undefined;
  }
  return Buffer.from(digits, "base64");
}

/** `A-Z a-z 0-9 + / - _` */
function isDigit(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a;
  if (code >= 0x41) return code <= 0x5a || code === 0x5f;
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2f || code === 0x2d;
}

function fault(field: string, what: string): ServingError {
  return new ServingError("INVALID_INPUT", `${field}: ${what}`, { field });
}
