/**
 * Long runs of plain numbers, comma after comma, in one loop that keeps its place in a local.
 *
 * Does only what is common and certain: at most nine digits before the point, at most eighteen in
 * all, no exponent. Everything else (and every fault) is left unread for the careful readers, so
 * this file decides no error and no rounding that `float.ts` would not decide the same way. No
 * loop asks for the end of the body, which doubles its speed: a body whose last byte is a bracket
 * or brace (`endsClosed`) stops every one of them in time.
 */
import { type ByteCursor, digitsPerWord, exactPowerMax, overPower, powersOfTen } from "./float.ts";

const comma = 0x2c - 48;
const closeBracket = 0x5d - 48;
const point = 0x2e - 48;
const trailingSpaceMax = 8;

/** True when the body ends with a bracket or brace and at most 8 bytes of white space. */
export function endsClosed(bytes: Uint8Array): boolean {
  let at = bytes.length - 1;
  const least = Math.max(0, at - trailingSpaceMax);
  while (at > least && isSpace((bytes[at] as number) - 48)) at -= 1;
  return bytes[at] === 0x5d || bytes[at] === 0x7d;
}

/**
 * Reads numbers into `target` from index `first` to `room` (exclusive); the index after the last.
 * REQUIRES: `endsClosed(cursor.bytes)`; the cursor stands before the closing byte, at an element
 * (white space may come first).
 *
 * Afterwards the cursor stands at an element that was not read, because it needs care or there is
 * no room; or, when the answer is `-1 - index`, at the bracket behind the last element.
 */
export function readFloats(
  cursor: ByteCursor,
  target: Float32Array | Float64Array,
  range: { readonly first: number; readonly room: number },
): number {
  const bytes = cursor.bytes;
  const room = range.room;
  let index = range.first;
  let at = cursor.at;
  while (index < room) {
    while (isSpace((bytes[at] as number) - 48)) at += 1;
    cursor.at = at;
    // Arithmetic instead of a branch: signs of real features are as good as random.
    const minus = (bytes[at] as number) === 0x2d ? 1 : 0;
    at += minus;
    const from = at;
    let high = 0;
    let digit = ((bytes[at] as number) - 48) | 0;
    for (; digit >>> 0 < 10; digit = ((bytes[at] as number) - 48) | 0) {
      high = (Math.imul(high, 10) + digit) | 0;
      at += 1;
    }
    const whole = at - from;
    if (whole === 0 || whole > digitsPerWord || (whole > 1 && bytes[from] === 48)) return index;
    let low = 0;
    let lowCount = 0;
    let fraction = 0;
    if (digit === point) {
      at += 1;
      const pointAt = at;
      if (high === 0) while (bytes[at] === 48) at += 1;
      let stop = at + digitsPerWord - (high === 0 ? 0 : whole);
      digit = ((bytes[at] as number) - 48) | 0;
      for (; digit >>> 0 < 10 && at < stop; digit = ((bytes[at] as number) - 48) | 0) {
        high = (Math.imul(high, 10) + digit) | 0;
        at += 1;
      }
      const lowAt = at;
      stop = at + digitsPerWord;
      for (; digit >>> 0 < 10 && at < stop; digit = ((bytes[at] as number) - 48) | 0) {
        low = (Math.imul(low, 10) + digit) | 0;
        at += 1;
      }
      lowCount = at - lowAt;
      fraction = at - pointAt;
      if (fraction === 0 || fraction > exactPowerMax) return index;
    }
    for (; isSpace(digit); digit = ((bytes[at] as number) - 48) | 0) at += 1;
    if (digit !== comma && digit !== closeBracket) return index;
    const value = overPower(high * (powersOfTen[lowCount] as number), low, fraction);
    if (Number.isNaN(value)) return index;
    target[index] = value * (1 - 2 * minus);
    index += 1;
    cursor.at = at;
    if (digit === closeBracket) return -1 - index;
    at += 1;
  }
  cursor.at = at;
  return index;
}

/** White space, by its distance from the digit 0. */
function isSpace(distance: number): boolean {
  if (distance > -16) return false;
  return distance === -16 || distance === -38 || distance === -35 || distance === -39;
}
