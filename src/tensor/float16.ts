/**
 * Half-precision floats by their bit patterns: FP16 (IEEE 754 binary16) and BF16 (the upper half
 * of a float32). For printing and tests; the serving path moves the patterns and never looks
 * inside. Rounding is to nearest, ties to even, as engines do.
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The value of an FP16 pattern (0 to 65535), exactly; NaN for the patterns of NaN. */
export function float16ToNumber(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern >>> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The FP16 pattern nearest to `value`; 0x7e00 for NaN. Beyond 65520 it is an infinity. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // From 65520 on, half a step above the largest finite value, ties round to the infinity.
  if (size >= 65_520) return sign | 0x7c00;
  const least = Math.max(-14, Math.floor(Math.log2(size)));
  // The logarithm may be one off next to a power of two; the step only has to be right.
  const power = size >= 2 ** (least + 1) ? least + 1 : size < 2 ** least ? least - 1 : least;
  const exponent = Math.max(-14, power);
  // Steps of the last place; adding them to the biased exponent carries by itself.
  const steps = roundHalfEven(size / 2 ** (exponent - 10));
  if (steps < 1024) return sign | steps;
  return sign | (((exponent + 14) << 10) + steps);
}

/** The value of a BF16 pattern (0 to 65535), exactly. */
export function bfloat16ToNumber(pattern: number): number {
  bits[0] = pattern << 16;
  return float[0] as number;
}

/** The BF16 pattern nearest to `value` as a float32; 0x7fc0 for NaN. */
export function numberToBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  float[0] = value;
  const pattern = bits[0] as number;
  const odd = (pattern >>> 16) & 1;
  return ((pattern + 0x7fff + odd) >>> 16) & 0xffff;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
