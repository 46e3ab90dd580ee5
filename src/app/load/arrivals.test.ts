// Goal: arrivals keep their rate, and random ones are as spread as independent callers are.
// Method: long runs with a fixed seed against the known mean and variance.
import { expect, test } from "vitest";
import { seededRandom } from "../../base/index.ts";
import { type ArrivalKind, Arrivals } from "./arrivals.ts";

function gaps(kind: ArrivalKind, count: number): number[] {
  const arrivals = new Arrivals({ kind, ratePerS: 500, random: seededRandom(7) }, 1_000);
  let last = 1_000;
  return Array.from({ length: count }, () => {
    const due = arrivals.take();
    const gap = due - last;
    last = due;
    return gap;
  });
}

test("constant arrivals are evenly spaced", () => {
  for (const gap of gaps("constant", 100)) expect(gap).toBeCloseTo(2, 9);
});

test("Poisson gaps have the mean and the spread of an exponential", () => {
  const list = gaps("poisson", 100_000);
  const mean = list.reduce((sum, gap) => sum + gap, 0) / list.length;
  const variance = list.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / list.length;
  expect(Math.abs(mean - 2)).toBeLessThan(0.03);
  expect(Math.abs(Math.sqrt(variance) - 2)).toBeLessThan(0.05);
  expect(Math.min(...list)).toBeGreaterThanOrEqual(0);
});
