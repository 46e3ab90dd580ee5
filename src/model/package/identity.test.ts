// Goal: whatever a file is called, its model gets an allowed name, and versions are told from other
// words. Method: cases by hand, then random text against the pattern that callers are shown.
import fc from "fast-check";
import { expect, test } from "vitest";
import { isModelName, isVersion, nameOfText, namePattern } from "./identity.ts";

test.each([
  ["churn", "churn"],
  ["example ż 大 김", "example-z"],
  ["Größe (v2)", "Gro-e-v2"],
  ["model.final_3-x", "model.final_3-x"],
  ["../../etc/passwd", "etc-passwd"],
  ["大", "model"],
  ["", "model"],
  [".hidden", "hidden"],
  ["a".repeat(200), "a".repeat(128)],
])("cuts %j to %j", (text, name) => {
  expect(nameOfText(text)).toBe(name);
});

test("every text becomes an allowed name, and an allowed name that ends plainly stays", () => {
  const pattern = new RegExp(namePattern);
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(pattern));
  fc.assert(
    fc.property(text, (given) => {
      expect(isModelName(given)).toBe(pattern.test(given));
      expect(isModelName(nameOfText(given))).toBe(true);
      expect(nameOfText(nameOfText(given))).toBe(nameOfText(given));
    }),
  );
});

test.each([
  "1.2.0",
  "0.0.0",
  "3",
  "0",
  "1.0.0-rc.1",
  "1.0.0-alpha-b",
  "1.0.0+build.01",
  "20261002",
])("takes %s as a version", (text) => {
  expect(isVersion(text)).toBe(true);
});

test.each([
  "",
  "1.2",
  "01",
  "1.02.0",
  "v1.0.0",
  "1.0.0-",
  "1.0.0-01",
  "1.0.0+",
  "1.0.0-a..b",
  "-1",
])("takes %j for no version", (text) => {
  expect(isVersion(text)).toBe(false);
});

test("a version has at most 128 characters", () => {
  expect(isVersion(`1.0.0-${"a".repeat(122)}`)).toBe(true);
  expect(isVersion(`1.0.0-${"a".repeat(123)}`)).toBe(false);
});
