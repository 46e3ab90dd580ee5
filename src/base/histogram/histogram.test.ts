// Goal: percentiles are within 1% of the exact ones and merging parts equals the whole.
// Method: random values over the whole range against sorted arrays; bucket edges by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Histogram, histogramBucket, histogramBucketFrom, histogramBuckets } from "./histogram.ts";

/** Milliseconds from 1 us to 1,000 s, spread evenly over the octaves. */
const value = fc.double({ min: -3, max: 6, noNaN: true }).map((power) => 10 ** power);

function filled(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const each of values) histogram.record(each);
  return histogram;
}

function exact(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? 0;
}

test("percentiles are within 1% of the exact value at that rank", () => {
  const shares = fc.constantFrom(0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1);
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), shares, (values, share) => {
      const wanted = exact(values, share);
      const got = filled(values).percentile(share);
      expect(Math.abs(got - wanted) / wanted).toBeLessThanOrEqual(0.01);
    }),
  );
});

test("merging the parts gives what recording the whole gives", () => {
  const parts = fc.array(fc.array(value, { maxLength: 50 }), { maxLength: 8 });
  fc.assert(
    fc.property(parts, (lists) => {
      const whole = filled(lists.flat());
      const merged = new Histogram();
      for (const list of lists) merged.merge(filled(list));
      expect(merged.count).toBe(whole.count);
      expect(merged.min).toBe(whole.min);
      expect(merged.max).toBe(whole.max);
      expect(merged.sum).toBeCloseTo(whole.sum, 3);
      for (let index = 0; index < histogramBuckets; index += 1) {
        expect(merged.countAt(index)).toBe(whole.countAt(index));
      }
    }),
    { numRuns: 20 },
  );
});

test("every bucket holds its lower edge and not its upper one", () => {
  for (let index = 0; index < histogramBuckets; index += 1) {
    expect(histogramBucket(histogramBucketFrom(index))).toBe(index);
    const next = Math.min(index + 1, histogramBuckets - 1);
    expect(histogramBucket(histogramBucketFrom(index + 1))).toBe(next);
  }
});

test("what lies outside the range is counted at its end and keeps its exact maximum", () => {
  const histogram = filled([0, -1, Number.NaN, 1e-9, 1e12]);
  expect(histogram.count).toBe(5);
  expect(histogram.countAt(0)).toBe(4);
  expect(histogram.countAt(histogramBuckets - 1)).toBe(1);
  expect(histogram.max).toBe(1e12);
  expect(histogram.percentile(1)).toBe(1e12);
  expect(histogram.percentile(0.5)).toBeLessThan(0.001);
});

test("an empty or cleared histogram answers zeros", () => {
  const histogram = filled([1, 2, 3]);
  histogram.clear();
  for (const each of [histogram, new Histogram()]) {
    expect([each.count, each.mean, each.min, each.max, each.percentile(0.5)]).toEqual([
      0, 0, 0, 0, 0,
    ]);
  }
});

test("the mean is exact", () => {
  expect(filled([1, 2, 6]).mean).toBe(3);
});
