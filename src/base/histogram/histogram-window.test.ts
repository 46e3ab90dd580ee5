// Goal: the window forgets what is older than its span but nothing younger than that less a slot.
// Method: a slow list of (instant, value) pairs against the window under random steps of time.
import fc from "fast-check";
import { expect, test } from "vitest";
import { HistogramWindow } from "./histogram-window.ts";

const span = { spanMs: 60, slots: 6 };

test("holds everything of the last slots and nothing older than the span", () => {
  const step = fc.record({ waitMs: fc.integer({ min: 0, max: 90 }), value: fc.nat({ max: 1000 }) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const window = new HistogramWindow(span);
      const seen: number[] = [];
      let nowMs = 0;
      for (const each of steps) {
        nowMs += each.waitMs;
        window.record(each.value, nowMs);
        seen.push(nowMs);
        const young = seen.filter((atMs) => nowMs - atMs < 50).length;
        const oldest = seen.filter((atMs) => nowMs - atMs < 60).length;
        const count = window.snapshot(nowMs).count;
        expect(count).toBeGreaterThanOrEqual(young);
        expect(count).toBeLessThanOrEqual(oldest);
      }
    }),
  );
});

test("is empty once the span has passed without a value", () => {
  const window = new HistogramWindow(span);
  window.record(5, 3);
  expect(window.snapshot(50).count).toBe(1);
  expect(window.snapshot(60).count).toBe(0);
  window.record(7, 1_000_000);
  expect(window.snapshot(1_000_000).max).toBe(7);
});

test("an instant that lies before the newest is counted as newest", () => {
  const window = new HistogramWindow(span);
  window.record(1, 500);
  window.record(2, 20);
  expect(window.snapshot(500).count).toBe(2);
});
