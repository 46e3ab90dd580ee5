// Goal: a value lands in the bucket a plain comparison would give, and merging parts is the whole.
// Method: random values and the bounds themselves against a slow search.
import fc from "fast-check";
import { expect, test } from "vitest";
import { BucketCounts, bucketBounds } from "./bucket-counts.ts";
import { stageBounds } from "./model-metrics.ts";

const edges = stageBounds.bounds.flatMap((bound) => [bound, bound * (1 + 1e-15), bound / 1.0001]);
const value = fc.oneof(fc.double({ min: 0, max: 20_000, noNaN: true }), fc.constantFrom(...edges));

function bucketOf(each: number): number {
  const found = stageBounds.bounds.findIndex((bound) => each <= bound);
  return found === -1 ? stageBounds.bounds.length : found;
}

test("a value lies in the first bucket whose bound is not below it", () => {
  fc.assert(
    fc.property(value, (each) => {
      const counts = new BucketCounts(stageBounds);
      counts.record(each);
      expect(counts.countAt(bucketOf(each))).toBe(1);
      expect(counts.count).toBe(1);
    }),
    { numRuns: 1_000 },
  );
});

test("merging the parts gives the whole", () => {
  fc.assert(
    fc.property(fc.array(value), fc.array(value), (left, right) => {
      const [whole, merged, part] = [0, 0, 0].map(() => new BucketCounts(stageBounds));
      if (whole === undefined || merged === undefined || part === undefined) throw new Error();
      for (const each of [...left, ...right]) whole.record(each);
      for (const each of left) merged.record(each);
      for (const each of right) part.record(each);
      merged.merge(part);
      for (let index = 0; index <= stageBounds.bounds.length; index += 1) {
        expect(merged.countAt(index)).toBe(whole.countAt(index));
      }
      expect(merged.sum).toBeCloseTo(whole.sum, 6);
    }),
  );
});

test("bounds that cannot be told apart are refused", () => {
  expect(() => bucketBounds([100, 100.1])).toThrow(/too close/);
});

test("what is no number counts as 0", () => {
  const counts = new BucketCounts(stageBounds);
  for (const each of [Number.NaN, -5]) counts.record(each);
  expect(counts.countAt(0)).toBe(2);
  expect(counts.sum).toBe(0);
});
