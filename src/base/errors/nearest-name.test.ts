// Goal: a typing slip gets the name that was meant, anything else gets none, and long words cost
// nothing. Method: slips by hand, then random words against the plain distance table.
import fc from "fast-check";
import { expect, test } from "vitest";
import { didYouMean, nearestName } from "./nearest-name.ts";

const names = ["features", "tenure", "monthly_charges", "age"];

test("finds the name behind a typing slip", () => {
  expect(nearestName("feature", names)).toBe("features");
  expect(nearestName("fetaures", names)).toBe("features");
  expect(nearestName("Monthly_Charge", names)).toBe("monthly_charges");
  expect(nearestName("AGE", names)).toBe("age");
  expect(didYouMean("tenur", names)).toBe("; did you mean 'tenure'?");
});

test("suggests nothing when no name is near or the word is hostile", () => {
  expect(nearestName("colour", names)).toBeUndefined();
  expect(nearestName("", names)).toBeUndefined();
  expect(nearestName("a".repeat(129), ["a".repeat(129)])).toBeUndefined();
  expect(didYouMean("zzz", [])).toBe("");
});

test("agrees with the plain distance table", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 6 }), (wanted, list) => {
      const allowed = Math.min(
        3,
        Math.max(wanted.length === 1 ? 0 : 1, Math.floor(wanted.length / 3)),
      );
      const distances = list.map((each) => plainDistance(wanted, each));
      const best = Math.min(Number.POSITIVE_INFINITY, ...distances);
      const expected = best <= allowed ? list[distances.indexOf(best)] : undefined;
      expect(nearestName(wanted, list)).toBe(expected);
    }),
  );
});

function plainDistance(left: string, right: string): number {
  if (left === "" || right === "") return left.length + right.length;
  const same = left[0] === right[0] ? 0 : 1;
  return Math.min(
    plainDistance(left.slice(1), right.slice(1)) + same,
    1 + Math.min(plainDistance(left.slice(1), right), plainDistance(left, right.slice(1))),
  );
}
