// Goal: half-precision patterns mean what the standards say. Method: known values, and for FP16 the
// distance between all neighbours.
import { expect, test } from "vitest";
import { bfloat16ToNumber, float16ToNumber } from "./float16.ts";

test("knows the marks of FP16", () => {
  const known: [number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3c00, 1],
    [0x3555, 0.333251953125],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
  ];
  for (const [pattern, value] of known) expect(float16ToNumber(pattern)).toBe(value);
  expect(float16ToNumber(0x7e01)).toBeNaN();
});

test("steps from each finite FP16 pattern to the next by the last place", () => {
  const wrong: number[] = [];
  for (let pattern = 0; pattern < 0x7bff; pattern += 1) {
    const step = 2 ** (Math.max(1, pattern >>> 10) - 25);
    const value = float16ToNumber(pattern);
    const isRight =
      float16ToNumber(pattern + 1) - value === step && float16ToNumber(pattern | 0x8000) === -value;
    if (!isRight) wrong.push(pattern);
  }
  expect(wrong).toEqual([]);
});

test("reads BF16 as the upper half of a float32", () => {
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  for (const value of [1, -2, 0.5, 3.25, 2 ** -126, Number.POSITIVE_INFINITY]) {
    float[0] = value;
    expect(bfloat16ToNumber((bits[0] as number) >>> 16)).toBe(value);
  }
  expect(bfloat16ToNumber(0x7fc0)).toBeNaN();
});
