// Goal: what leads to nothing is bounded, what callers do for good reasons is not. Method: a guard
// with times of the test's own.
import { expect, test } from "vitest";
import { FloodGuard } from "./flood-guard.ts";

test("a burst of 1,000 resets is let through, and then one each 10 ms", () => {
  const guard = new FloodGuard(0);
  for (let count = 0; count < 1_000; count += 1) guard.reset(0);
  expect(() => guard.reset(0)).toThrow("too often");
  guard.reset(20);
  expect(() => guard.reset(20)).toThrow("too often");
});

test("a burst of 10,000 frames that say nothing is let through, and then one each ms", () => {
  const guard = new FloodGuard(0);
  for (let count = 0; count < 10_000; count += 1) guard.idleFrame(0);
  expect(() => guard.idleFrame(0)).toThrow("too often");
  guard.idleFrame(2);
});

test("an answer is given while fewer than 1,000 wait", () => {
  const guard = new FloodGuard(0);
  guard.answer(999);
  expect(() => guard.answer(1_000)).toThrow("not read");
});
