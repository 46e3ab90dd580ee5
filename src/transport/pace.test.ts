// Goal: the two limits on slow callers cut at their value and not beside it.
// Method: marks by hand at limit - 1, limit and limit + 1.
import { expect, test } from "vitest";
import { judgePace, judgeReading, paceWindowMs } from "./pace.ts";

const start = { atMs: 500, bytes: 300 };
const after = (tookMs: number, bytes: number) => ({ atMs: 500 + tookMs, bytes: 300 + bytes });

test("a body is slow below the bytes of its window, and not at them", () => {
  const bytesMin = (paceWindowMs / 1_000) * 1_024;
  const ends = [bytesMin - 1, bytesMin, bytesMin + 1].map((bytes) =>
    judgePace(start, after(paceWindowMs, bytes), 1_024),
  );
  const next = (bytes: number) => after(paceWindowMs, bytes);
  expect(ends).toEqual(["slow", next(bytesMin), next(bytesMin + 1)]);
});

test("a body is not judged before its window is over, and by the time that it took", () => {
  expect(judgePace(start, after(paceWindowMs - 1, 0), 1_024)).toBe(start);
  expect(judgePace(start, after(paceWindowMs, 0), 1_024)).toBe("slow");
  const bytesMin = 2 * paceWindowMs;
  const late = (bytes: number) => judgePace(start, after(2 * paceWindowMs, bytes), 1_000);
  expect([late(bytesMin - 1), late(bytesMin)]).toEqual(["slow", after(2 * paceWindowMs, bytesMin)]);
});

test("the ends of the limit: 0 never cuts, 1 byte a second cuts silence alone", () => {
  expect(judgePace(start, after(paceWindowMs, 0), 0)).toEqual(after(paceWindowMs, 0));
  expect(judgePace(start, after(paceWindowMs, 9), 1)).toBe("slow");
  expect(judgePace(start, after(paceWindowMs, 10), 1)).not.toBe("slow");
});

test("a reply is stuck when nothing of it was taken for its time", () => {
  const look = (tookMs: number, bytes: number) => judgeReading(start, after(tookMs, bytes), 300);
  expect([look(299, 0), look(300, 0), look(301, 0)]).toEqual([start, "stuck", "stuck"]);
  expect([look(299, 1), look(300, 1), look(301, 1)]).toEqual([
    after(299, 1),
    after(300, 1),
    after(301, 1),
  ]);
});
