// Goal: what ends a worker by a limit carries the limit's name to whoever counts it.
// Method: each death for each kind of operation.
import { expect, test } from "vitest";
import { type Death, errorOfDeath } from "./death.ts";
import type { Operation } from "./operations.ts";

function limitOf(kind: Operation["kind"], death: Death["kind"], isHead = true): string | undefined {
  const operation = { kind, msMax: 100 } as Operation;
  return errorOfDeath(operation, isHead, { kind: death, words: "" }).limit;
}

test("a hang names the limit of what hung, memory its own, and the rest none", () => {
  expect(limitOf("load", "hang")).toBe("modelLoadMsMax");
  expect(limitOf("run", "hang")).toBe("batchWallMsMax");
  expect(limitOf("load", "memory")).toBe("workerMemoryBytesMax");
  expect(limitOf("run", "memory")).toBe("workerMemoryBytesMax");
  expect(limitOf("run", "exit")).toBeUndefined();
  expect(limitOf("run", "closed")).toBeUndefined();
});

test("what was sent ahead of time hit no limit", () => {
  expect(limitOf("run", "hang", false)).toBeUndefined();
});
