// Goal: when a worker is killed and when it is started again. Method: tables at the edges.
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../base/index.ts";
import { isKeptOut, restartDelayMs } from "./restart-policy.ts";
import { judgeWorker, lookMs, silenceMsMax, type WorkerSnapshot } from "./watch-policy.ts";

describe("a restart", () => {
  const most = { next: () => 1 - Number.EPSILON };
  const least = { next: () => 0 };

  test("is at once after the first death, then waits 100 ms and doubles", () => {
    const delays = [1, 2, 3, 4, 5].map((deaths) => restartDelayMs(deaths, 30_000, most));
    expect(delays.map(Math.round)).toEqual([0, 100, 200, 400, 800]);
    expect(restartDelayMs(2, 30_000, least)).toBe(50);
  });

  test("leaves out what ended a shared process twice while it was loaded", () => {
    expect([1, 2, 3].map((deaths) => isKeptOut(deaths, true))).toEqual([false, true, true]);
    expect(isKeptOut(9, false)).toBe(false);
  });

  test("never waits longer than the limit, however often it died", () => {
    const random = seededRandom(1);
    for (let deaths = 1; deaths < 5_000; deaths += 7) {
      const delayMs = restartDelayMs(deaths, 100, random);
      expect(delayMs).toBeLessThanOrEqual(100);
      if (deaths > 1) expect(delayMs).toBeGreaterThanOrEqual(50);
    }
  });
});

describe("a worker", () => {
  const idle: WorkerSnapshot = {
    busySinceMs: undefined,
    busyMsMax: 0,
    heardAtMs: 0,
    lookedAtMs: 0,
    memoryBytes: 100,
    memoryBytesMax: 100,
  };
  const at = (snapshot: Partial<WorkerSnapshot>, nowMs: number) =>
    judgeWorker({ ...idle, ...snapshot }, nowMs);

  test("hangs when the oldest operation has reached its wall clock", () => {
    const busy = { busySinceMs: 1_000, busyMsMax: 500 };
    expect(at(busy, 1_499)).toBe("fine");
    expect(at(busy, 1_500)).toBe("hang");
  });

  test("is not silent while it runs", () => {
    const busy = { busySinceMs: 0, busyMsMax: 60_000, lookedAtMs: 29_500 };
    expect(at(busy, 30_000)).toBe("fine");
  });

  test("is silent when nothing was heard for too long", () => {
    const lookedAtMs = silenceMsMax - lookMs;
    expect(at({ lookedAtMs }, silenceMsMax)).toBe("fine");
    expect(at({ lookedAtMs }, silenceMsMax + 1)).toBe("silent");
  });

  test("is given time when we were away ourselves", () => {
    const nowMs = 60_000;
    expect(at({ lookedAtMs: nowMs - 2 * lookMs - 1 }, nowMs)).toBe("afresh");
    expect(at({ lookedAtMs: nowMs - 2 * lookMs }, nowMs)).toBe("silent");
  });

  test("is too large one byte over its limit", () => {
    expect(at({ memoryBytes: 100 }, 0)).toBe("fine");
    expect(at({ memoryBytes: 101 }, 0)).toBe("memory");
  });
});
