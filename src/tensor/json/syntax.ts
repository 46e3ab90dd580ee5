/**
 * What a reader says about bytes that are not the JSON it wanted.
 *
 * Kept apart from the reader so that the hot path holds no text. A message shows where (byte
 * offset from the start of the body), what was expected and at most 24 bytes of what is there;
 * anything but printable ASCII is shown as a number, so a body cannot write into a log or a
 * terminal.
 */
import { ServingError } from "../../base/index.ts";

/** What starts at the reader's position; `invalid` is no JSON value. */
export type JsonKind =
  | "object"
  | "array"
  | "string"
  | "number"
  | "boolean"
  | "null"
  | "end"
  | "invalid";

/** A place of a reader to come back to. */
export interface JsonMark {
  readonly at: number;
  readonly depth: number;
  readonly isFirst: boolean;
}

const shownBytesMax = 24;

/** The error for bytes that break RFC 8259 at `at`. */
export function syntaxError(bytes: Buffer, at: number, expected: string): ServingError {
  const found = shownAt(bytes, at);
  const isToken = found === "NaN" || found === "Infinity";
  const hint = isToken ? " (JSON has no NaN and no Infinity)" : "";
  return new ServingError(
    "INVALID_REQUEST",
    `invalid JSON at byte ${at}: expected ${expected}, got ${found}${hint}`,
  );
}

/** The error for JSON that nests deeper than `depthMax`. */
export function depthError(at: number, depthMax: number): ServingError {
  return new ServingError(
    "LIMIT_EXCEEDED",
    `JSON at byte ${at} nests deeper than jsonDepthMax (${depthMax} levels)`,
    { limit: "jsonDepthMax" },
  );
}

/** The kind of value that `byte` starts; -1 stands for the end of the body. */
export function kindOf(byte: number): JsonKind {
  switch (byte) {
    case 0x7b:
      return "object";
    case 0x5b:
      return "array";
    case 0x22:
      return "string";
    case 0x74:
    case 0x66:
      return "boolean";
    case 0x6e:
      return "null";
    case -1:
      return "end";
    default:
      return byte === 0x2d || (byte >= 0x30 && byte <= 0x39) ? "number" : "invalid";
  }
}

/** The start of what lies at `at`, safe to show: a word, a number, a string or one character. */
export function shownAt(bytes: Buffer, at: number): string {
  const byte = bytes[at];
  if (byte === undefined) return "the end of the body";
  if (byte === 0x7b) return "an object";
  if (byte === 0x5b) return "an array";
  if (byte === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) return "a byte order mark";
  if (byte === 0x22) return shownString(bytes, at);
  if (!isWord(byte)) return isPrintable(byte) ? `'${String.fromCharCode(byte)}'` : hex(byte);
  let to = at;
  while (to < bytes.length && to - at < shownBytesMax && isWord(bytes[to] as number)) to += 1;
  const isCut = to - at === shownBytesMax;
  return `${bytes.toString("latin1", at, to)}${isCut ? "..." : ""}`;
}

function shownString(bytes: Buffer, at: number): string {
  let to = at + 1;
  while (to < bytes.length && to - at <= shownBytesMax) {
    const byte = bytes[to] as number;
    if (!isPrintable(byte) || byte === 0x22 || byte === 0x5c) break;
    to += 1;
  }
  const text = bytes.toString("latin1", at + 1, to);
  return bytes[to] === 0x22 ? `the string "${text}"` : `a string that starts "${text}"`;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

/** Letters, digits and the signs of a number. */
function isWord(byte: number): boolean {
  if (byte >= 0x30 && byte <= 0x39) return true;
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  return byte === 0x2b || byte === 0x2d || byte === 0x2e;
}

function hex(byte: number): string {
  return `byte 0x${byte.toString(16).padStart(2, "0")}`;
}
