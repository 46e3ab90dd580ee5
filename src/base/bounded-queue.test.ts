// Goal: the ring behaves like an array with a maximum.
// Method: random operations on both, compared after each.
import fc from "fast-check";
import { expect, test } from "vitest";
import { BoundedQueue } from "./bounded-queue.ts";

type Step =
  | { readonly kind: "push" | "insert"; readonly value: number; readonly at: number }
  | { readonly kind: "shift" }
  | { readonly kind: "retain"; readonly divisor: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("push" as const), value: fc.nat(99), at: fc.nat() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("insert" as const), value: fc.nat(99), at: fc.nat() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("shift" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("retain" as const),
      divisor: fc.integer({ min: 2, max: 5 }),
    }),
  },
);

function contents(queue: BoundedQueue<number>): (number | undefined)[] {
  return Array.from({ length: queue.length }, (_, index) => queue.at(index));
}

test("does what an array does, up to its maximum", () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 70 }),
    fc.array(step, { maxLength: 300 }),
    (max, steps) => {
      const queue = new BoundedQueue<number>(max);
      let array: number[] = [];
      for (const each of steps) {
        if (each.kind === "shift") {
          expect(queue.shift()).toBe(array.shift());
        } else if (each.kind === "retain") {
          queue.retain((value) => value % each.divisor !== 0);
          array = array.filter((value) => value % each.divisor !== 0);
        } else {
          const at = each.kind === "push" ? array.length : each.at % (array.length + 1);
          const isIn = each.kind === "push" ? queue.push(each.value) : queue.insert(at, each.value);
          expect(isIn).toBe(array.length < max);
          if (isIn) array.splice(at, 0, each.value);
        }
        expect(contents(queue)).toEqual(array);
      }
    },
  );
  fc.assert(property);
});

test("takes as many as its maximum and gives nothing beyond its ends", () => {
  const queue = new BoundedQueue<string>(2);
  expect([queue.push("a"), queue.push("b"), queue.push("c")]).toEqual([true, true, false]);
  expect([queue.at(-1), queue.at(0), queue.at(2)]).toEqual([undefined, "a", undefined]);
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(["a", "b", undefined]);
});
