// Goal: the memory of suspects is bounded and forgets the ones not seen for longest.
// Method: one more than it holds.
import { expect, test } from "vitest";
import { requestOf } from "../../../test/support/batcher-rig.ts";
import { Suspects } from "./suspects.ts";

const suspectsMax = 1_024;

test("forgets the suspect that was not seen for longest, one at its maximum", () => {
  const suspects = new Suspects(2);
  for (let row = 0; row < suspectsMax; row += 1)
    suspects.accuse(requestOf([row]), undefined, false);
  expect(suspects.suspectCount).toBe(suspectsMax);
  expect(suspects.find(requestOf([0]))).toBeDefined();
  suspects.accuse(requestOf([suspectsMax]), undefined, false);
  expect(suspects.suspectCount).toBe(suspectsMax);
  expect(suspects.find(requestOf([1]))).toBeUndefined();
  expect(suspects.find(requestOf([0]))).toBeDefined();
});

test("keeps quarantined inputs when suspects are forgotten, and forgets the oldest of them", () => {
  const suspects = new Suspects(1);
  for (let row = 0; row <= suspectsMax; row += 1)
    suspects.accuse(requestOf([row]), undefined, true);
  expect(suspects.quarantinedCount).toBe(suspectsMax);
  expect(suspects.find(requestOf([0]))).toBeUndefined();
  expect(suspects.find(requestOf([1]))?.state).toBe("quarantined");
  for (let row = 0; row <= suspectsMax; row += 1) {
    suspects.accuse(requestOf([row + 5_000]), undefined, false);
  }
  expect(suspects.find(requestOf([2]))?.state).toBe("quarantined");
});

test("holds nothing after all suspects are cleared", () => {
  const suspects = new Suspects(2);
  const record = suspects.accuse(requestOf([1]), undefined, false);
  suspects.clear(record);
  expect([suspects.suspectCount, suspects.find(requestOf([1]))]).toEqual([0, undefined]);
});
