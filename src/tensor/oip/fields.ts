/**
 * Reads the small fields of a request and words what is wrong with them.
 *
 * Every message opens with the path in the caller's own spelling (`inputs[1].shape[0]`) and says
 * what was expected and what is there.
 */
import { type LimitName, ServingError } from "../../base/index.ts";
import { readExactWhole, readShortWhole } from "../json/integer.ts";
import type { JsonReader } from "../json/reader.ts";

/** Largest whole number that a double holds exactly. */
export const wholeMax = Number.MAX_SAFE_INTEGER;

const wholeText = `a whole number from 0 to ${wholeMax}`;

/** The error for a value of the wrong kind, or for bytes that are no JSON. */
export function wrongKind(reader: JsonReader, field: string, expected: string): ServingError {
  const kind = reader.peek();
  if (kind === "invalid" || kind === "end") return reader.unexpected(expected);
  const message = `${field}: expected ${expected}, got ${reader.shownNext()}`;
  return new ServingError("INVALID_REQUEST", message, { field });
}

export function givenTwice(field: string): ServingError {
  return new ServingError("INVALID_REQUEST", `${field}: given twice, expected once`, { field });
}

export function missing(field: string, expected: string): ServingError {
  return new ServingError("INVALID_REQUEST", `${field}: missing, expected ${expected}`, { field });
}

/** @throws INVALID_REQUEST when the next value is no string */
export function readText(reader: JsonReader, field: string): string {
  if (reader.peek() !== "string") throw wrongKind(reader, field, "a string");
  return reader.readString();
}

/**
 * Reads a whole number from 0 to 2^53 - 1, in any spelling that JSON has for it.
 * @throws INVALID_INPUT for any other number, INVALID_REQUEST for another kind
 */
export function readWhole(reader: JsonReader, field: string): number {
  if (reader.peek() !== "number") throw wrongKind(reader, field, wholeText);
  const at = reader.at;
  const short = readShortWhole(reader);
  // Minus zero is zero.
  if (short >= 0) return short + 0;
  const exact = Number.isNaN(short) ? readExactWhole(reader) : BigInt(short);
  if (typeof exact === "bigint" && exact >= 0n && exact <= BigInt(wholeMax)) return Number(exact);
  reader.at = at;
  const message = `${field}: expected ${wholeText}, got ${reader.shownNext()}`;
  throw new ServingError("INVALID_INPUT", message, { field });
}

/** Opens the list at `field` and calls `read` for each element. */
export function readList(
  reader: JsonReader,
  field: string,
  list: { readonly of: string; read(position: number): void },
): void {
  if (reader.peek() !== "array") throw wrongKind(reader, field, `a list of ${list.of}`);
  reader.enterArray();
  for (let position = 0; reader.nextElement(); position += 1) list.read(position);
}

/** The refusal of a list with more than `max` elements. */
export function tooMany(field: string, what: string, limit?: LimitName): ServingError {
  const message = `${field}: more than ${what} are not allowed (${limit ?? "a fixed limit"})`;
  return new ServingError(
    "LIMIT_EXCEEDED",
    message,
    limit === undefined ? { field } : { field, limit },
  );
}
