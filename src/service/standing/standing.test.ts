// Goal: only a version that fails its own sample is called failing, and one answer clears it.
// Method: the steps of the policy by hand, at the edges of each count and pause.
import { expect, test } from "vitest";
import {
  afterLook,
  afterProbe,
  doubtFailuresMin,
  endOfRefusal,
  isProbeDue,
  type Standing,
  sound,
} from "./standing.ts";

const seen = (failures: number, from: Standing = sound): Standing => afterLook(from, failures);

test("a version is doubted from the fifth failure in a row on", () => {
  expect(doubtFailuresMin).toBe(5);
  expect([4, 5, 6].map((failures) => isProbeDue(seen(failures), 0))).toEqual([false, true, true]);
});

test("an answered probe explains the failures so far, and not those that follow", () => {
  const explained = afterProbe(seen(7), "answered", 100);
  expect(explained.isFailing).toBe(false);
  expect([11, 12].map((failures) => isProbeDue(seen(failures, explained), 5_000))).toEqual([
    false,
    true,
  ]);
  expect([1_099, 1_100].map((nowMs) => isProbeDue(seen(12, explained), nowMs))).toEqual([
    false,
    true,
  ]);
});

test("a failed probe is repeated after a pause that doubles up to 30 s", () => {
  let standing = seen(5);
  const pausesMs: number[] = [];
  for (let count = 0; count < 8; count += 1) {
    standing = afterProbe(standing, "failed", 1_000);
    expect(standing.isFailing).toBe(true);
    pausesMs.push(standing.probeAtMs - 1_000);
  }
  expect(pausesMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(isProbeDue(standing, standing.probeAtMs - 1)).toBe(false);
  expect(isProbeDue(standing, standing.probeAtMs)).toBe(true);
});

test("an answer to a request or to a probe ends the failing", () => {
  const failing = afterProbe(seen(5), "failed", 0);
  expect(seen(6, failing).isFailing).toBe(true);
  expect(seen(0, failing)).toEqual(sound);
  expect(seen(4, failing)).toEqual({ ...sound, seenFailures: 4 });
  expect(afterProbe(failing, "answered", 0).isFailing).toBe(false);
});

test("a probe that could not run changes nothing but the time of the next", () => {
  const failing = afterProbe(seen(5), "failed", 0);
  expect(afterProbe(failing, "unknown", 500)).toEqual({ ...failing, probeAtMs: 1_500 });
  expect(afterProbe(seen(5), "unknown", 500).isFailing).toBe(false);
});

test("a refusal of the sample counts by what it says of the version", () => {
  const failed = ["INTERNAL", "MODEL_OUTPUT_INVALID", "WORKER_LOST", "ENGINE_TIMEOUT"] as const;
  for (const code of [...failed, "MEMORY_EXHAUSTED", "INPUT_QUARANTINED"] as const) {
    expect(endOfRefusal(code, false)).toBe("failed");
  }
  expect(endOfRefusal("INPUT_REJECTED_BY_MODEL", true)).toBe("failed");
  expect(endOfRefusal("INPUT_REJECTED_BY_MODEL", false)).toBe("answered");
  for (const code of ["QUEUE_FULL", "DEADLINE_EXCEEDED", "MODEL_NOT_READY", "DRAINING"] as const) {
    expect(endOfRefusal(code, true)).toBe("unknown");
  }
});
