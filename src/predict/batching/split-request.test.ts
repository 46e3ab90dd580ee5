// Goal: slices cover every item once, in order, and none is too large.
// Method: random sizes, and the edges by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { splitItems } from "./split-request.ts";

test("cuts full slices first and the rest last", () => {
  expect(splitItems(7, 3)).toEqual([
    { from: 0, items: 3 },
    { from: 3, items: 3 },
    { from: 6, items: 1 },
  ]);
  expect(splitItems(3, 3)).toEqual([{ from: 0, items: 3 }]);
});

test("covers every item once", () => {
  const size = fc.integer({ min: 1, max: 500 });
  fc.assert(
    fc.property(size, size, (items, max) => {
      let next = 0;
      for (const slice of splitItems(items, max)) {
        expect(slice.from).toBe(next);
        expect(slice.items).toBeGreaterThan(0);
        expect(slice.items).toBeLessThanOrEqual(max);
        next += slice.items;
      }
      expect(next).toBe(items);
    }),
  );
});
