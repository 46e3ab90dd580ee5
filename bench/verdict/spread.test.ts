// Goal: the middle is the middle. Method: odd, even and single counts.
import { expect, test } from "vitest";
import { liesWithin, spreadOf } from "./spread.ts";

test("the median of an even count lies between the two in the middle", () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  expect(() => spreadOf([])).toThrow(RangeError);
});

test("the ends belong to the spread", () => {
  const spread = spreadOf([1, 2, 3]);
  expect([0.9, 1, 3, 3.1].map((value) => liesWithin(spread, value))).toEqual([
    false,
    true,
    true,
    false,
  ]);
});
