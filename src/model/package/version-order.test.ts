// Goal: versions sort as SemVer says and integers by value. Method: the list of the standard, then
// the laws of an order on random versions.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareVersions } from "./version-order.ts";

/** From the lowest up; the middle is the example of semver.org, section 11. */
const ascending = [
  "latest",
  "0",
  "0.9.9",
  "1",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.2.0",
  "1.10.0",
  "2.0.0",
  "9",
  "10",
  "10.0.0",
  "999999999999999",
];

test("sorts as the standard says, and integers below their own major", () => {
  for (let low = 0; low < ascending.length; low += 1) {
    for (let high = low; high < ascending.length; high += 1) {
      const [a, b] = [ascending[low] ?? "", ascending[high] ?? ""];
      expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).toBe(low === high ? 0 : -1);
      expect(Math.sign(compareVersions(b, a)), `${b} ${a}`).toBe(low === high ? 0 : 1);
    }
  }
});

test("build text does not count, and numbers are never rounded", () => {
  expect(compareVersions("1.0.0+a", "1.0.0+b")).toBe(0);
  expect(compareVersions("1.0.0-9007199254740993", "1.0.0-9007199254740992")).toBeGreaterThan(0);
});

test("is a total order", () => {
  const version = fc.oneof(
    fc.constantFrom(...ascending),
    fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)).map((numbers) => numbers.join(".")),
    fc.stringMatching(/^1\.0\.0-[a1]\.?[a1]$/),
  );
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)));
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
        expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }
    }),
    { numRuns: 500 },
  );
});
