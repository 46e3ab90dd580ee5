// Goal: a client holds back exactly as much as the formula says, over one minute.
// Method: the formula at its edges; the window under a moving time.
import { expect, test } from "vitest";
import { hedgeDelayMs, RecentDurations, samplesMin } from "./hedge-policy.ts";
import { readRetryAfterMs } from "./retry-after.ts";
import { isAccepted, isHeldBack, refuseShare, requestsMin, ThrottleWindow } from "./throttle.ts";

test("nothing is held back while at least half is accepted", () => {
  expect(refuseShare({ requests: 0, accepts: 0 })).toBe(0);
  expect(refuseShare({ requests: 100, accepts: 50 })).toBe(0);
  expect(refuseShare({ requests: 99, accepts: 0 })).toBe(0.99);
  expect(refuseShare({ requests: 100, accepts: 25 })).toBeCloseTo(50 / 101);
});

test("nothing is held back on the word of fewer than ten requests", () => {
  expect(isHeldBack({ requests: requestsMin - 1, accepts: 0 }, 0)).toBe(false);
  expect(isHeldBack({ requests: requestsMin, accepts: 0 }, 0.9)).toBe(true);
  expect(isHeldBack({ requests: requestsMin, accepts: 0 }, 0.91)).toBe(false);
});

test("the window forgets what is older than a minute", () => {
  const window = new ThrottleWindow();
  window.ended(0, true);
  window.ended(30_000, false);
  expect(window.counts(59_999)).toEqual({ requests: 2, accepts: 1 });
  expect(window.counts(60_000)).toEqual({ requests: 1, accepts: 0 });
  expect(window.counts(90_000)).toEqual({ requests: 0, accepts: 0 });
});

test("a fault of the caller was accepted; a full queue and no connection were not", () => {
  expect(["INVALID_INPUT", "WORKER_LOST", "INTERNAL"].map(isAccepted)).toEqual([true, true, true]);
  expect(["QUEUE_FULL", "CONNECTION_FAILED", "DRAINING"].map(isAccepted)).toEqual([
    false,
    false,
    false,
  ]);
});

test("a hedge waits for the p95 of the latest 256 calls", () => {
  const durations = new RecentDurations();
  for (let index = 1; index < samplesMin; index += 1) durations.add(index);
  expect(hedgeDelayMs(durations.all)).toBeUndefined();
  durations.add(samplesMin);
  expect(hedgeDelayMs(durations.all)).toBe(19);
  for (let index = 0; index < 256; index += 1) durations.add(7);
  expect(durations.all).toHaveLength(256);
  expect(hedgeDelayMs(durations.all)).toBe(7);
});

test("retry-after is read in seconds and as a date", () => {
  const wallMs = Date.parse("Fri, 27 Nov 2026 10:00:00 GMT");
  expect(readRetryAfterMs("1", wallMs)).toBe(1000);
  expect(readRetryAfterMs("Fri, 27 Nov 2026 10:00:05 GMT", wallMs)).toBe(5000);
  expect(readRetryAfterMs("Fri, 27 Nov 2026 09:00:00 GMT", wallMs)).toBe(0);
  expect(readRetryAfterMs("99999999", wallMs)).toBe(86_400_000);
  for (const nothing of [null, "", "soon"])
    expect(readRetryAfterMs(nothing, wallMs)).toBe(undefined);
});
