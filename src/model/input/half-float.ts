/**
 * The value behind the 16-bit patterns in which FP16 and BF16 tensors travel.
 *
 * Used where a value rule meets such a tensor; everything else moves the bits and never looks.
 */

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. Exact. */
export function float16ToNumber(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** BF16 is the upper half of a float32. Exact. */
export function bfloat16ToNumber(bits: number): number {
  word[0] = bits << 16;
  return float[0] as number;
}

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);
