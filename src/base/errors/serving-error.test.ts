// Goal: a refusal costs no stack, a fault of ours and every cause has one. Method: errors of each
// level, and one thrown deep inside.
import { expect, test } from "vitest";
import { type ErrorCode, errorTable } from "./error-table.ts";
import { ServingError } from "./serving-error.ts";

test("has a stack exactly where a fault is ours", () => {
  for (const [code, { level }] of Object.entries(errorTable)) {
    const { stack = "" } = new ServingError(code as ErrorCode, "said");
    expect([code, stack.includes(" at ")]).toEqual([code, level === "error"]);
  }
});

test("leaves the stacks of others alone", () => {
  const framesMax = Error.stackTraceLimit;
  const refusal = new ServingError("INVALID_INPUT", "no", { cause: new RangeError("inside") });
  expect(Error.stackTraceLimit).toBe(framesMax);
  expect((refusal.cause as Error).stack).toContain(" at ");
  expect(new Error("after").stack).toContain(" at ");
});

test("a thing that nobody expected is INTERNAL and keeps where it was thrown", () => {
  const thrown = new TypeError("odd");
  const error = ServingError.from(thrown);
  expect([error.code, error.cause]).toEqual(["INTERNAL", thrown]);
  expect(error.message).not.toContain("odd");
  expect((error.cause as Error).stack).toContain("serving-error.test");
});

test("passes an error of ours unchanged", () => {
  const error = new ServingError("QUEUE_FULL", "full");
  expect(ServingError.from(error)).toBe(error);
  expect([error.retryAfterS, error.isRetryable, error instanceof Error]).toEqual([1, true, true]);
});
