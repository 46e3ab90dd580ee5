/**
 * Half-precision floats by their bit patterns: FP16 (IEEE 754 binary16) and BF16 (the upper half
 * of a float32). For looking into outputs; the serving path moves the patterns.
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

/** The value of a BF16 pattern (0 to 65535), exactly. */
export function bfloat16ToNumber(pattern: number): number {
  bits[0] = pattern << 16;
  return float[0] as number;
}
