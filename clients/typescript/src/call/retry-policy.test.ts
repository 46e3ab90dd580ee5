// Goal: a failed attempt is repeated only when that can help, soon enough, and not in step.
// Method: the edges by hand, then the waits of many seeds.
import { expect, test } from "vitest";
import { seededRandom } from "../../../../src/base/index.ts";
import { decideRetry, type FailedAttempt } from "./retry-policy.ts";

const rules = { attemptsMax: 3, backoffMsMin: 100, backoffMsMax: 150 };
const failed: FailedAttempt = {
  attempts: 1,
  isRetryable: true,
  retryAfterMs: undefined,
  tokens: 10,
  leftMs: Number.POSITIVE_INFINITY,
};
const half = { next: () => 0.5 };

test.each([
  ["a fault that stays", { isRetryable: false }, "final"],
  ["the third attempt", { attempts: 3 }, "attempts"],
  ["a budget below one token", { tokens: 0.9 }, "budget"],
  ["a wait that ends with the deadline", { leftMs: 50 }, "deadline"],
  ["a server that asks for more than is left", { retryAfterMs: 1000, leftMs: 900 }, "deadline"],
])("stops at %s", (_, change, why) => {
  expect(decideRetry({ ...failed, ...change }, rules, half)).toEqual({ kind: "stop", why });
});

test("waits a drawn part of a bound that doubles and is capped", () => {
  expect(decideRetry(failed, rules, half)).toEqual({ kind: "retry", afterMs: 50 });
  const second = { ...failed, attempts: 2 };
  expect(decideRetry(second, rules, half)).toEqual({ kind: "retry", afterMs: 75 });
});

test("waits what the server asks for, and the draw on top", () => {
  const asked = { ...failed, retryAfterMs: 1000, leftMs: 1051, tokens: 1, attempts: 1 };
  expect(decideRetry(asked, rules, half)).toEqual({ kind: "retry", afterMs: 1050 });
});

test("spreads the waits of many callers over the whole bound", () => {
  const random = seededRandom(7);
  const waits = Array.from({ length: 1000 }, () => {
    const decision = decideRetry(failed, rules, random);
    return decision.kind === "retry" ? decision.afterMs : Number.NaN;
  });
  for (const quarter of [0, 25, 50, 75]) {
    const inside = waits.filter((wait) => wait >= quarter && wait < quarter + 25);
    expect(inside.length, `seed 7, from ${quarter} ms`).toBeGreaterThan(180);
  }
});
