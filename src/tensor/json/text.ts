/**
 * Strings of a JSON body: where they end, and what they say.
 *
 * A string without escapes is its own bytes, so scanning only finds the end and notes what else is
 * in it. Escapes are undone into bytes, never longer than the source, so the target is known
 * before. Strict: control characters, bytes that are not UTF-8 and halves of surrogate pairs are
 * refused.
 */
import { isUtf8 } from "node:buffer";
import { syntaxError } from "./syntax.ts";

/** What a scanned string holds beside plain ASCII. */
export const stringHas = { nothing: 0, foreign: 1, escapes: 2 } as const;

const quote = 0x22;
const backslash = 0x5c;

/** A string found in a body. */
export interface StringSpan {
  readonly bytes: Buffer;
  /** First byte after the opening quote. */
  readonly from: number;
  /** The closing quote. */
  readonly to: number;
}

/**
 * The offset of the quote that closes the string whose text starts at `from`, shifted left by two
 * bits, with the `stringHas` bits below (one number, so that nothing is allocated).
 * @throws INVALID_REQUEST when it does not end or holds a control character
 */
export function scanString(bytes: Buffer, from: number): number {
  const end = bytes.length;
  let has = 0;
  let at = from;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === quote) return at * 4 + has;
    if (byte === backslash) {
      has |= stringHas.escapes;
      at += 1;
    } else if (byte < 0x20) {
      throw syntaxError(bytes, at, "a string without raw control characters");
    } else if (byte >= 0x80) {
      has |= stringHas.foreign;
    }
    at += 1;
  }
  throw syntaxError(bytes, end, "a closing quote");
}

/** @throws INVALID_REQUEST when the span is not UTF-8 */
export function checkUtf8(span: StringSpan): void {
  if (isUtf8(span.bytes.subarray(span.from, span.to))) return;
  throw syntaxError(span.bytes, span.from, "a string in valid UTF-8");
}

/**
 * Writes the string, escapes undone, as UTF-8 into `target` at `targetAt`.
 * REQUIRES: the span came from `scanString` and was checked as UTF-8; room for `to - from` bytes.
 * @returns the offset after the last byte written
 * @throws INVALID_REQUEST on an unknown escape or half a surrogate pair
 */
export function unescapeInto(span: StringSpan, target: Uint8Array, targetAt: number): number {
  const { bytes, to } = span;
  let at = span.from;
  let out = targetAt;
  while (at < to) {
    const byte = bytes[at] as number;
    if (byte !== backslash) {
      target[out] = byte;
      out += 1;
      at += 1;
      continue;
    }
    const letter = bytes[at + 1] as number;
    if (letter !== 0x75) {
      target[out] = simpleEscape(bytes, at);
      out += 1;
      at += 2;
      continue;
    }
    const point = codePointAt(bytes, at, to);
    out = writeUtf8(point, target, out);
    at += point > 0xffff ? 12 : 6;
  }
  return out;
}

/** The byte meant by `\n` and its like. */
function simpleEscape(bytes: Buffer, at: number): number {
  switch (bytes[at + 1]) {
    case 0x22:
      return 0x22;
    case 0x5c:
      return 0x5c;
    case 0x2f:
      return 0x2f;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      throw syntaxError(bytes, at + 1, 'an escape (one of "\\/bfnrtu)');
  }
}

/** The code point of `\uXXXX` or of a pair of them. */
function codePointAt(bytes: Buffer, at: number, to: number): number {
  const first = fourHexAt(bytes, at + 2, to);
  if (first < 0xd800 || first > 0xdfff) return first;
  const isPair = first < 0xdc00 && bytes[at + 6] === backslash && bytes[at + 7] === 0x75;
  const second = isPair ? fourHexAt(bytes, at + 8, to) : 0;
  if (second < 0xdc00 || second > 0xdfff) {
    throw syntaxError(bytes, at, "a whole surrogate pair");
  }
  return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

function fourHexAt(bytes: Buffer, at: number, to: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index += 1) {
    const digit = index < to ? hexDigit(bytes[index] as number) : -1;
    if (digit < 0) throw syntaxError(bytes, index, "four hexadecimal digits after \\u");
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function writeUtf8(point: number, target: Uint8Array, at: number): number {
  if (point < 0x80) {
    target[at] = point;
    return at + 1;
  }
  if (point < 0x800) {
    target[at] = 0xc0 | (point >> 6);
    target[at + 1] = 0x80 | (point & 0x3f);
    return at + 2;
  }
  if (point < 0x10000) {
    target[at] = 0xe0 | (point >> 12);
    target[at + 1] = 0x80 | ((point >> 6) & 0x3f);
    target[at + 2] = 0x80 | (point & 0x3f);
    return at + 3;
  }
  target[at] = 0xf0 | (point >> 18);
  target[at + 1] = 0x80 | ((point >> 12) & 0x3f);
  target[at + 2] = 0x80 | ((point >> 6) & 0x3f);
  target[at + 3] = 0x80 | (point & 0x3f);
  return at + 4;
}
