// Goal: slices cover every item once, in order, and are as large as one run allows.
// Method: random sizes, and the edges by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { goesAlone, ItemCost, sliceItemsFor, splitItems } from "./split-request.ts";

const rules = { itemsMax: 32, sliceItemsMax: 1_024 };
const mebibyte = 1_048_576;

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
  const property = fc.property(size, size, (items, max) => {
    let next = 0;
    for (const slice of splitItems(items, max)) {
      expect(slice.from).toBe(next);
      expect(slice.items).toBeGreaterThan(0);
      expect(slice.items).toBeLessThanOrEqual(max);
      next += slice.items;
    }
    expect(next).toBe(items);
  });
  fc.assert(property);
});

test.each([
  ["nothing is known of the cost", { itemBytes: 80, itemMs: undefined }, 32],
  ["items are small and fast", { itemBytes: 80, itemMs: 0.001 }, 1_024],
  ["items cost nothing that can be measured", { itemBytes: 0, itemMs: 0 }, 1_024],
  ["a run of them takes long", { itemBytes: 80, itemMs: 1 }, 100],
  ["they are so slow that a batch is long", { itemBytes: 80, itemMs: 50 }, 32],
  ["they take much memory", { itemBytes: mebibyte / 32, itemMs: 0.001 }, 128],
  ["one takes more than a slice may", { itemBytes: 8 * mebibyte, itemMs: 0.001 }, 32],
])("fits slices to one run when %s", (_, ask, items) => {
  expect(sliceItemsFor(ask, rules)).toBe(items);
});

test("takes the cost of an item from the runs, the newest most", () => {
  const cost = new ItemCost();
  expect(cost.itemMs).toBeUndefined();
  cost.note(10, 10);
  expect(cost.itemMs).toBe(1);
  cost.note(2, 4);
  expect(cost.itemMs).toBeCloseTo(1.2, 12);
  for (let run = 0; run < 100; run += 1) cost.note(1, 5);
  expect(cost.itemMs).toBeCloseTo(5, 6);
});

test.each([
  ["an echo of 1 MiB", { bytes: mebibyte, items: 1 }, 0.2, true],
  ["an image whose network takes long", { bytes: mebibyte, items: 1 }, 30, false],
  ["many rows of a cheap model", { bytes: 80_000, items: 1_000 }, 0.0001, false],
  ["a slice of them that is large", { bytes: 4 * mebibyte, items: 50_000 }, 0.00001, true],
  ["before the first run", { bytes: mebibyte, items: 1 }, undefined, false],
])("%s", (_, entry, itemMs, isAlone) => {
  expect(goesAlone(entry, itemMs)).toBe(isAlone);
});
