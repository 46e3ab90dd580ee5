// Goal: half-precision patterns mean what the standards say, both ways.
// Method: known values, then every one of the 65,536 patterns and the ties between neighbours.
import { expect, test } from "vitest";
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from "./float16.ts";

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
  for (const [pattern, value] of known) {
    expect(float16ToNumber(pattern)).toBe(value);
    expect(numberToFloat16(value)).toBe(pattern);
  }
  expect(float16ToNumber(0x7e01)).toBeNaN();
  expect(numberToFloat16(Number.NaN)).toBe(0x7e00);
});

test("gives every FP16 pattern back, and rounds between two of them to the even one", () => {
  for (let pattern = 0; pattern < 0x7c00; pattern += 1) {
    const value = float16ToNumber(pattern);
    const next = pattern === 0x7bff ? 65_536 : float16ToNumber(pattern + 1);
    const middle = (value + next) / 2;
    const even = pattern + (pattern & 1);
    const found = [value, -value, middle, middle * (1 - 1e-9), middle * (1 + 1e-9)];
    const wanted = [pattern, pattern | 0x8000, even, pattern, pattern + 1];
    if (!found.every((each, index) => numberToFloat16(each) === wanted[index])) {
      expect(found.map(numberToFloat16), `pattern ${pattern}`).toEqual(wanted);
    }
  }
});

test("cuts and rounds BF16 as the upper half of a float32", () => {
  for (let pattern = 0; pattern < 0x7f80; pattern += 1) {
    const value = bfloat16ToNumber(pattern);
    if (numberToBfloat16(value) !== pattern || numberToBfloat16(-value) !== (pattern | 0x8000)) {
      expect(numberToBfloat16(value)).toBe(pattern);
    }
  }
  expect(bfloat16ToNumber(0x3f80)).toBe(1);
  expect(numberToBfloat16(1 + 2 ** -8)).toBe(0x3f80);
  expect(numberToBfloat16(1 + 3 * 2 ** -8)).toBe(0x3f82);
  expect(numberToBfloat16(1 + 2 ** -8 + 2 ** -20)).toBe(0x3f81);
  expect(bfloat16ToNumber(0x7f80)).toBe(Number.POSITIVE_INFINITY);
  expect(numberToBfloat16(Number.NEGATIVE_INFINITY)).toBe(0xff80);
  expect(numberToBfloat16(Number.NaN)).toBe(0x7fc0);
});
