/**
 * Whole numbers, exactly.
 *
 * A whole value is taken in any spelling JSON has (`7`, `7.0`, `7e0`); a fraction is refused,
 * however small, because digits decide and never a rounded double. Up to 15 plain digits need no
 * bigint.
 */
import { type ByteCursor, endOfNumber, exponentAt } from "./float.ts";

/** Why a number is no whole number in range. */
export type WholeFault = "fraction" | "range";

/** No dtype has more digits; longer ones are out of range before a bigint is made of them. */
const digitsMax = 20;
const fastDigitsMax = 15;

/**
 * Reads up to 15 plain digits at the cursor. White space must have been passed.
 * @returns NaN, with the cursor where it was, for every other spelling and for what is no number
 */
export function readShortWhole(cursor: ByteCursor): number {
  const bytes = cursor.bytes;
  const end = bytes.length;
  let at = cursor.at;
  const isNegative = at < end && bytes[at] === 0x2d;
  if (isNegative) at += 1;
  const from = at;
  let value = 0;
  let next = 0;
  while (at < end) {
    next = bytes[at] as number;
    if (next < 48 || next > 57) break;
    value = value * 10 + (next - 48);
    at += 1;
  }
  const digits = at - from;
  if (digits === 0 || digits > fastDigitsMax) return Number.NaN;
  if (next === 0x2e || (next | 0x20) === 0x65) return Number.NaN;
  if (bytes[from] === 48 && digits > 1) return Number.NaN;
  cursor.at = at;
  return isNegative ? 0 - value : value;
}

/**
 * Reads any number at the cursor exactly.
 * @throws INVALID_REQUEST when it breaks the grammar or no number starts there
 */
export function readExactWhole(cursor: ByteCursor): bigint | WholeFault {
  const { bytes, at: from } = cursor;
  const to = endOfNumber(bytes, from);
  cursor.at = to;
  const isNegative = bytes[from] === 0x2d;
  const value = exactWhole(bytes, isNegative ? from + 1 : from, to);
  return isNegative && typeof value === "bigint" ? -value : value;
}

function exactWhole(bytes: Buffer, from: number, to: number): bigint | WholeFault {
  let point = -1;
  let digitsTo = to;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte === 0x2e) point = at;
    if ((byte | 0x20) !== 0x65) continue;
    digitsTo = at;
    break;
  }
  let first = from;
  while (first < digitsTo && !isSignificant(bytes[first])) first += 1;
  if (first === digitsTo) return 0n;
  let last = digitsTo - 1;
  while (!isSignificant(bytes[last])) last -= 1;
  // Power of ten of the last significant digit.
  const pointAt = point === -1 ? digitsTo : point;
  const place = last < pointAt ? pointAt - last - 1 : pointAt - last;
  const exponent = place + (digitsTo < to ? exponentAt(bytes, digitsTo + 1, to) : 0);
  if (exponent < 0) return "fraction";
  const hasPoint = point > first && point < last;
  const count = last - first + 1 - (hasPoint ? 1 : 0);
  if (count + exponent > digitsMax) return "range";
  const text = bytes.toString("latin1", first, last + 1);
  const digits = hasPoint ? text.replace(".", "") : text;
  return BigInt(digits + "0".repeat(exponent));
}

function isSignificant(byte: number | undefined): boolean {
  return byte !== undefined && byte > 48 && byte <= 57;
}
