// Goal: start, drain and stop happen in the promised order, and the process ends exactly once.
// Method: a fake clock and recording edges; then random events against the invariants.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock, ServingError } from "../../base/index.ts";
import { createLog } from "../../observe/index.ts";
import { type LifeEvent, lifeStart, stepLife } from "./life-steps.ts";
import { Lifecycle } from "./lifecycle.ts";

const limits = { drainDelayMs: 5_000, shutdownMsMax: 25_000 };

function make() {
  const clock = new FakeClock();
  const done: string[] = [];
  const lines: string[] = [];
  const world = { pending: 0, isStuck: false };
  const log = createLog({ level: "info", format: "json", write: (line) => lines.push(line) });
  const life = new Lifecycle({
    clock,
    limits,
    log,
    edges: {
      announceReady: () => done.push("ready"),
      announceDraining: () => done.push("draining"),
      refuseWork: () => done.push("refuse"),
      cutOff: () => done.push("cut off"),
      pendingCount: () => world.pending,
      async stopWorkers() {
        done.push("stop workers");
        if (world.isStuck) await new Promise(() => {});
      },
      exit: (code) => done.push(`exit ${code}`),
    },
  });
  return { clock, done, lines, world, life };
}

/** Lets the promises that are settled run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

test("SIGTERM serves on for the delay, then finishes what was accepted and exits 0", async () => {
  const { clock, done, life, world } = make();
  life.loaded();
  world.pending = 2;
  life.stop(false);
  expect(done).toEqual(["ready", "draining"]);
  clock.advance(4_999);
  expect(life.phase).toBe("lingering");
  clock.advance(1);
  expect(done.at(-1)).toBe("refuse");
  clock.advance(3_000);
  expect(life.phase).toBe("finishing");
  world.pending = 0;
  clock.advance(100);
  await settle();
  expect(done).toEqual(["ready", "draining", "refuse", "stop workers", "exit 0"]);
  expect(clock.pendingCount).toBe(0);
});

test("Ctrl-C at a terminal skips the delay", async () => {
  const { clock, done, life } = make();
  life.loaded();
  life.stop(true);
  clock.advance(100);
  await settle();
  expect(done).toEqual(["ready", "draining", "refuse", "stop workers", "exit 0"]);
});

test("a stop while starting does not wait for balancers", async () => {
  const { clock, done, life } = make();
  life.stop(false);
  clock.advance(100);
  await settle();
  life.loaded();
  expect(done).toEqual(["draining", "refuse", "stop workers", "exit 0"]);
});

test("at shutdownMsMax the rest is cut off and the exit code is 1", async () => {
  const { clock, done, life, world } = make();
  life.loaded();
  world.pending = 1;
  life.stop(false);
  clock.advance(24_999);
  expect(done).not.toContain("cut off");
  clock.advance(1);
  await settle();
  expect(done.slice(-3)).toEqual(["cut off", "stop workers", "exit 1"]);
});

test("workers that do not stop are left at shutdownMsMax", async () => {
  const { clock, done, life, world } = make();
  world.isStuck = true;
  life.loaded();
  life.stop(true);
  clock.advance(24_999);
  await settle();
  expect(life.phase).toBe("stopping");
  clock.advance(1);
  expect(done.at(-1)).toBe("exit 1");
});

test("a second signal stops now", () => {
  const { done, life } = make();
  life.loaded();
  life.stop(false);
  life.stop(false);
  expect(done).toEqual(["ready", "draining", "exit 0"]);
});

test("a fault is logged with its cause and ends with 1", () => {
  const { done, life, lines } = make();
  life.fault("the start failed", new ServingError("MODEL_LOAD_FAILED", "failed to load 'x'"));
  expect(done).toEqual(["exit 1"]);
  expect(lines[0]).toContain("the start failed: failed to load 'x'");
});

test("whatever happens, the process ends at most once and never serves after a stop", () => {
  const event: fc.Arbitrary<LifeEvent> = fc.oneof(
    fc.constantFrom<LifeEvent>(
      { kind: "loaded" },
      { kind: "delayOver" },
      { kind: "idle" },
      { kind: "timeUp" },
      { kind: "stopped" },
      { kind: "fault" },
    ),
    fc.boolean().map((isUrgent): LifeEvent => ({ kind: "stop", isUrgent })),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      let state = lifeStart;
      const acts: string[] = [];
      for (const each of events) {
        const step = stepLife(state, each);
        state = step.state;
        acts.push(...step.acts.map((act) => act.kind));
      }
      expect(acts.filter((act) => act === "exit").length).toBe(state.phase === "ended" ? 1 : 0);
      const draining = acts.indexOf("announceDraining");
      if (draining !== -1) expect(acts.indexOf("announceReady", draining)).toBe(-1);
      const stopping = acts.indexOf("stopWorkers");
      if (stopping !== -1) expect(acts.slice(0, stopping)).toContain("refuseWork");
    }),
  );
});
