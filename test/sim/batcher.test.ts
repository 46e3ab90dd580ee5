// Goal: R11 and R24: whatever arrives, leaves, fails or dies, the batcher keeps its promises.
// Method: the story of a seed under a fake clock, judged by instances that see every run; replay
// with MILLRACE_SEED=<seed>, the long form with MILLRACE_SEEDS=100000.
import { expect, test } from "vitest";
import { simulate } from "./batcher-sim.ts";

const only = process.env["MILLRACE_SEED"];
const seedsMax = Number(process.env["MILLRACE_SEEDS"] ?? 1_000);
const command = "npx vitest run --project unit test/sim/batcher.test.ts";

test("keeps every promise in every story", { timeout: 3_600_000 }, async () => {
  const outcomes = new Map<string, number>();
  const first = only === undefined ? 1 : Number(only);
  const last = only === undefined ? seedsMax : first;
  for (let seed = first; seed <= last; seed += 1) {
    const report = await simulate(seed);
    const replay = `seed ${seed}; replay: MILLRACE_SEED=${seed} ${command}`;
    const story = only === undefined ? "" : `\n${report.log.join("\n")}`;
    expect(report.faults, replay + story).toEqual([]);
    for (const [outcome, count] of report.outcomes) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    }
  }
  if (only !== undefined || seedsMax < 1_000) return;
  for (const outcome of [
    "ok",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "INPUT_REJECTED_BY_MODEL",
    "INPUT_QUARANTINED",
    "MODEL_OUTPUT_INVALID",
    "MODEL_NOT_READY",
    "QUEUE_FULL",
    "WORKER_LOST",
    "ENGINE_TIMEOUT",
  ]) {
    expect(outcomes.get(outcome) ?? 0, `stories that end in ${outcome}`).toBeGreaterThan(10);
  }
});

test("tells the same story for the same seed, event by event", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { log } = await simulate(seed);
    expect((await simulate(seed)).log).toEqual(log);
    expect(log.length).toBeGreaterThan(20);
  }
});
