/**
 * Decimal text to the nearest double, without making a string of it.
 *
 * The first nine significant digits are gathered in one 32-bit whole number and the next nine in
 * another, so no step overflows and their sum is known exactly as two doubles. A sum below 2^53
 * over an exact power of ten rounds once, so the quotient is right (W. D. Clinger, PLDI 1990). A
 * longer one, as Python prints doubles, takes a correction: the remainder of the quotient is known
 * exactly (T. J. Dekker, Numer. Math. 18 (1971) 224), and when the uncertainty of what it adds
 * cannot change the rounding the result is right. What is left (more than 18 digits, far
 * exponents, near ties) is decided by `Number(text)`. A float32 is `Math.fround` of the result, as
 * users of JSON.parse get it.
 */
import { syntaxError } from "./syntax.ts";

/** What the number readers of this folder move along. */
export interface ByteCursor {
  readonly bytes: Buffer;
  at: number;
}

/** Digits that fit a 32-bit whole number. */
export const digitsPerWord = 9;
/** Ten to this power is a double, exactly. */
export const exactPowerMax = 22;
/** Exponents beyond this give 0 or Infinity for any body that fits in memory. */
const exponentMax = 2 ** 40;
const splitter = 2 ** 27 + 1;

export const powersOfTen = new Float64Array(exactPowerMax + 1);
for (let power = 0; power <= exactPowerMax; power += 1) powersOfTen[power] = Number(`1e${power}`);

/**
 * Reads the number at the cursor; white space must have been passed.
 *
 * @returns NaN, with the cursor where it was, when no number starts there; an infinity when the
 * number is beyond the range of a double
 * @throws INVALID_REQUEST when a number starts but breaks the grammar
 */
export function readDouble(cursor: ByteCursor): number {
  const bytes = cursor.bytes;
  const end = bytes.length;
  let at = cursor.at;
  const isNegative = at < end && bytes[at] === 0x2d;
  if (isNegative) at += 1;
  const from = at;
  let high = 0;
  let stop = Math.min(end, at + digitsPerWord);
  for (; at < stop; at += 1) {
    const digit = ((bytes[at] as number) - 48) | 0;
    if (digit >>> 0 > 9) break;
    high = (Math.imul(high, 10) + digit) | 0;
  }
  const whole = at - from;
  let low = 0;
  let lowCount = 0;
  let fraction = 0;
  if (whole > 0 && at < end && bytes[at] === 0x2e) {
    at += 1;
    const pointAt = at;
    if (high === 0) while (at < end && bytes[at] === 48) at += 1;
    stop = Math.min(end, at + digitsPerWord - whole);
    for (; at < stop; at += 1) {
      const digit = ((bytes[at] as number) - 48) | 0;
      if (digit >>> 0 > 9) break;
      high = (Math.imul(high, 10) + digit) | 0;
    }
    const lowAt = at;
    stop = Math.min(end, at + digitsPerWord);
    for (; at < stop; at += 1) {
      const digit = ((bytes[at] as number) - 48) | 0;
      if (digit >>> 0 > 9) break;
      low = (Math.imul(low, 10) + digit) | 0;
    }
    lowCount = at - lowAt;
    fraction = at === pointAt ? exactPowerMax + 1 : at - pointAt;
  }
  const isPlain = whole === 1 || (whole > 1 && bytes[from] !== 48);
  if (!isPlain || fraction > exactPowerMax || (at < end && goesOn(bytes[at] as number))) {
    return whole === 0 && !isNegative ? Number.NaN : readAny(cursor, from);
  }
  const value = overPower(high * (powersOfTen[lowCount] as number), low, fraction);
  if (Number.isNaN(value)) return readAny(cursor, from);
  cursor.at = at;
  return isNegative ? -value : value;
}

/** True for a byte that continues a number after its digits: a digit, `e` or `E`. */
function goesOn(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte | 0x20) === 0x65;
}

/** The general case, `from` at the first digit: checks the grammar, then rounds. */
function readAny(cursor: ByteCursor, from: number): number {
  const bytes = cursor.bytes;
  const to = endOfNumber(bytes, cursor.at);
  const isNegative = from > cursor.at;
  cursor.at = to;
  let value = scaleDigits(bytes, from, to);
  if (Number.isNaN(value)) value = Number(bytes.toString("latin1", from, to));
  return isNegative ? -value : value;
}

/** The number by its first 18 digits, or NaN when they cannot settle it. */
function scaleDigits(bytes: Buffer, from: number, to: number): number {
  let high = 0;
  let low = 0;
  let count = 0;
  let power = 0;
  let step = 0;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte === 0x2e) {
      step = 1;
      continue;
    }
    if ((byte | 0x20) === 0x65) {
      power += exponentAt(bytes, at + 1, to);
      break;
    }
    if (count < digitsPerWord) high = high * 10 + byte - 48;
    else low = low * 10 + byte - 48;
    if (high > 0) count += 1;
    if (count > 2 * digitsPerWord) return Number.NaN;
    power -= step;
  }
  if (high === 0) return 0;
  const lowCount = Math.max(0, count - digitsPerWord);
  return scale(high * (powersOfTen[lowCount] as number), low, power);
}

/** `(scaled + low) / 10^places` as `scale` gives it, quick where the sum is exact. */
export function overPower(scaled: number, low: number, places: number): number {
  const sum = scaled + low;
  if (sum > Number.MAX_SAFE_INTEGER) return scale(scaled, low, -places);
  return sum / (powersOfTen[places] as number);
}

/**
 * `(scaled + low) * 10^power`, rounded once, or NaN when that cannot be settled here.
 * REQUIRES: both are whole, `low` < 10^9, `scaled` is 0 or at least `low` or below 10^9.
 */
function scale(scaled: number, low: number, power: number): number {
  const sum = scaled + low;
  const rest = low - (sum - scaled);
  if (power > 0) {
    const isExact = sum <= Number.MAX_SAFE_INTEGER && power <= exactPowerMax;
    return isExact ? sum * (powersOfTen[power] as number) : Number.NaN;
  }
  if (power < -exactPowerMax) return Number.NaN;
  const divisor = powersOfTen[-power] as number;
  const quotient = sum / divisor;
  if (sum <= Number.MAX_SAFE_INTEGER) return quotient;
  const product = quotient * divisor;
  const remainder = sum - product - productError(quotient, divisor, product);
  const first = remainder / divisor;
  const second = rest / divisor;
  // Either term, and their sum, carries a relative error below 2^-52.
  const doubt = (Math.abs(first) + Math.abs(second)) * 2 ** -49;
  const least = quotient + (first + second - doubt);
  const most = quotient + (first + second + doubt);
  return least === most ? least : Number.NaN;
}

/** The exponent's value, cut where it stops to matter. */
export function exponentAt(bytes: Buffer, from: number, to: number): number {
  const sign = bytes[from];
  let at = sign === 0x2b || sign === 0x2d ? from + 1 : from;
  let value = 0;
  for (; at < to; at += 1) value = Math.min(exponentMax, value * 10 + (bytes[at] as number) - 48);
  return sign === 0x2d ? -value : value;
}

/** `a * b - product`, exactly. */
function productError(a: number, b: number, product: number): number {
  const aScaled = splitter * a;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = splitter * b;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/**
 * The offset after the number that starts at `from`.
 * @throws INVALID_REQUEST when no number starts there or it breaks the grammar of RFC 8259
 */
export function endOfNumber(bytes: Buffer, from: number): number {
  const digitsAt = bytes[from] === 0x2d ? from + 1 : from;
  let at = endOfDigits(bytes, digitsAt);
  if (at === digitsAt) {
    const expected = digitsAt === from ? "a JSON value" : "a digit";
    throw syntaxError(bytes, at, expected);
  }
  if (bytes[digitsAt] === 48 && at - digitsAt > 1) {
    throw syntaxError(bytes, digitsAt, "a number without leading zeros");
  }
  if (bytes[at] === 0x2e) at = someDigits(bytes, at + 1);
  const letter = bytes[at];
  if (letter !== 0x65 && letter !== 0x45) return at;
  const sign = bytes[at + 1];
  return someDigits(bytes, sign === 0x2b || sign === 0x2d ? at + 2 : at + 1);
}

function someDigits(bytes: Buffer, from: number): number {
  const to = endOfDigits(bytes, from);
  if (to === from) throw syntaxError(bytes, from, "a digit");
  return to;
}

function endOfDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at] as number;
    if (byte < 48 || byte > 57) break;
    at += 1;
  }
  return at;
}
