// Goal: a version whose last results were errors of ours is probed in the background, readiness
// follows the probe, and callers' mistakes start nothing. Method: a fake clock, a version whose
// predictor the test decides, and its real counters.
import { expect, test } from "vitest";
import { defaultLimits, type ErrorCode, FakeClock, ServingError } from "../../base/index.ts";
import { ServerMetrics } from "../../observe/index.ts";
import type { Predictor } from "../../predict/index.ts";
import { Registry } from "../../registry/index.ts";
import { serverHealth } from "../health.ts";
import type { ServedVersion } from "../served-version.ts";
import { SampleWatch } from "./sample-watch.ts";
import { sound } from "./standing.ts";

function world({ hasSamples = true } = {}) {
  const clock = new FakeClock();
  const metrics = new ServerMetrics({ limits: defaultLimits, clock, build: "test" }).of("m", "1");
  const toy = { refusal: undefined as ErrorCode | undefined, probes: 0 };
  const predict = async () => {
    toy.probes += 1;
    if (toy.refusal !== undefined) throw new ServingError(toy.refusal, "no");
    return { outputs: [] };
  };
  const standing = { now: sound, isFailingElsewhere: false };
  const samples = hasSamples ? "samples.jsonl" : undefined;
  const served = {
    ...{ model: "m", version: "1", metrics, standing, package: { samples } },
    predictor: { predict } as Partial<Predictor>,
    isReady: () => !standing.now.isFailing,
  } as ServedVersion;
  const registry = new Registry<ServedVersion>();
  const entry = registry.register({ model: "m", version: "1", isRequired: true });
  for (const state of ["validated", "loading", "probing", "warming"] as const) {
    registry.step(entry, state);
  }
  registry.step(entry, "ready", { served });
  const changes: boolean[] = [];
  const watch = new SampleWatch({
    clock,
    servedVersions: () => [served],
    changed: (_, isFailing) => void changes.push(isFailing),
  });
  watch.start();
  const answer = (outcome: ErrorCode | "OK", count: number) => {
    const nowMs = clock.nowMs();
    const times = { arrivedAtMs: nowMs, decodedAtMs: nowMs, sentAtMs: 0 };
    const zeros = { answeredAtMs: 0, runMs: 0, batchItems: 0 };
    for (let index = 0; index < count; index += 1) {
      metrics.requestBegan();
      const ended = { door: "rest", outcome, items: 1, endedAtMs: nowMs } as const;
      metrics.requestDone({ ...ended, times: { ...times, ...zeros } });
    }
  };
  /** Lets a second pass, and what it started end. */
  const second = async () => {
    clock.advance(1_000);
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  };
  const problems = () => serverHealth(registry, "serving").problems;
  return { toy, answer, second, problems, changes, watch, clock };
}

test("a version that fails its sample after five failures is not ready", async () => {
  const { toy, answer, second, problems, changes } = world();
  toy.refusal = "WORKER_LOST";
  answer("WORKER_LOST", 4);
  await second();
  expect([toy.probes, problems()]).toEqual([0, []]);
  answer("MODEL_OUTPUT_INVALID", 1);
  expect(problems()).toEqual([]);
  await second();
  expect([toy.probes, problems()]).toEqual([1, ["m 1 is failing its sample"]]);
  await second();
  expect(toy.probes).toBe(2);
  toy.refusal = undefined;
  await second();
  expect(problems()).toEqual(["m 1 is failing its sample"]);
  await second();
  expect([toy.probes, problems(), changes]).toEqual([3, [], [true, false]]);
  await second();
  await second();
  expect(toy.probes).toBe(3);
});

test("one answered request makes it ready again without a probe", async () => {
  const { toy, answer, second, problems } = world();
  toy.refusal = "ENGINE_TIMEOUT";
  answer("ENGINE_TIMEOUT", 5);
  await second();
  expect(problems()).toHaveLength(1);
  answer("OK", 1);
  await second();
  expect([toy.probes, problems()]).toEqual([1, []]);
});

test("a sample that is answered keeps it ready, whatever callers send", async () => {
  const { toy, answer, second, problems, changes } = world();
  answer("WORKER_LOST", 50);
  await second();
  await second();
  expect([toy.probes, problems(), changes]).toEqual([1, [], []]);
});

test("callers' mistakes, full queues and passed deadlines are no failures", async () => {
  const { toy, answer, second } = world();
  for (const code of ["INVALID_INPUT", "INPUT_REJECTED_BY_MODEL", "QUEUE_FULL"] as const) {
    answer(code, 50);
  }
  answer("DEADLINE_EXCEEDED", 50);
  await second();
  expect(toy.probes).toBe(0);
  answer("INTERNAL", 4);
  answer("INVALID_INPUT", 50);
  await second();
  expect(toy.probes).toBe(0);
  answer("INTERNAL", 1);
  await second();
  expect(toy.probes).toBe(1);
});

test("a made-up input may be refused, a recorded sample may not", async () => {
  const recorded = world();
  const without = world({ hasSamples: false });
  for (const { toy, answer, second } of [recorded, without]) {
    toy.refusal = "INPUT_REJECTED_BY_MODEL";
    answer("WORKER_LOST", 5);
    await second();
  }
  expect(recorded.problems()).toEqual(["m 1 is failing its sample"]);
  expect(without.problems()).toEqual([]);
});

test("nothing is looked at once the watch is stopped", async () => {
  const { toy, answer, second, watch, clock } = world();
  watch.stop();
  answer("WORKER_LOST", 5);
  await second();
  expect([toy.probes, clock.pendingCount]).toEqual([0, 0]);
});
