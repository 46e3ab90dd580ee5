// Goal: wrong options are refused by name, right ones are completed.
// Method: each option at both ends of its range.
import { expect, test } from "vitest";
import { callHeaders, checkTimeout, completeOptions, rulesOf } from "./client-options.ts";

const url = "http://localhost:8000";

test("what is left out has its default", () => {
  expect(completeOptions({ url: "https://host/behind/proxy/" })).toMatchObject({
    url: "https://host/behind/proxy",
    timeoutMs: 60_000,
    rules: { retry: { attemptsMax: 3, backoffMsMin: 100, backoffMsMax: 2_000 }, isHedged: false },
    isThrottled: true,
    replyBytesMax: 268_435_456,
  });
});

test.each([
  [{ url: "localhost:8000" }, "url"],
  [{ url: "" }, "url"],
  [{ url: "http://me:secret@host" }, "url"],
  [{ url, timeoutMs: 0 }, "timeoutMs"],
  [{ url, timeoutMs: Number.NaN }, "timeoutMs"],
  [{ url, retry: { attemptsMax: 0 } }, "retry.attemptsMax"],
  [{ url, retry: { attemptsMax: 4 } }, "retry.attemptsMax"],
  [{ url, retry: { backoffMsMin: 0 } }, "retry.backoffMsMin"],
  [{ url, retry: { backoffMsMax: 60_001 } }, "retry.backoffMsMax"],
  [{ url, replyBytesMax: 0 }, "replyBytesMax"],
])("refuses %o", (options, field) => {
  expect(() => completeOptions(options)).toThrow(expect.objectContaining({ field }));
});

test("takes the ends of every range", () => {
  completeOptions({ url, timeoutMs: 0.1, replyBytesMax: 1, retry: { attemptsMax: 1 } });
  completeOptions({ url, retry: { backoffMsMin: 1, backoffMsMax: 60_000 } });
  expect(checkTimeout(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
});

test("a call's own rules win over the client's, field by field", () => {
  const { rules } = completeOptions({ url, retry: { backoffMsMin: 5 } });
  expect(rulesOf({ retry: { attemptsMax: 1 }, isHedged: true }, rules)).toEqual({
    retry: { attemptsMax: 1, backoffMsMin: 5, backoffMsMax: 2_000 },
    isHedged: true,
  });
});

test("id and priority travel as headers", () => {
  expect(callHeaders({ requestId: "a", priority: 1, headers: { traceparent: "t" } })).toEqual({
    "x-request-id": "a",
    "x-request-priority": "1",
    traceparent: "t",
  });
});
