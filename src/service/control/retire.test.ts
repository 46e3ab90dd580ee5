// Goal: a version that left the registry ends when the last request that began on it has ended, or
// when time is up. Method: a version that notes what is asked of it, under a fake clock.
import { expect, test } from "vitest";
import { FakeClock } from "../../base/index.ts";
import type { ServedVersion } from "../served-version.ts";
import { retire } from "./retire.ts";

function make(held: number) {
  const clock = new FakeClock();
  const told: string[] = [];
  const drained = Promise.withResolvers<void>();
  const served = {
    held,
    refuse: (code = "DRAINING") => {
      told.push(`refuse ${code}`);
      drained.resolve();
    },
    close: async (code = "DRAINING") => {
      told.push(`close ${code}`);
      await drained.promise;
      told.push("closed");
    },
  } as Partial<ServedVersion> as ServedVersion;
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
    }
  };
  return { clock, told, served, drained, advance };
}

test("waits for what began, then for what waits in the queue", async () => {
  const { clock, told, served, drained, advance } = make(2);
  const end = retire(served, clock, 1_000);
  await advance(200);
  expect(told).toEqual([]);
  served.held = 0;
  await advance(20);
  expect(told).toEqual(["close MODEL_NOT_READY"]);
  drained.resolve();
  await end;
  await advance(2_000);
  expect([told.at(-1), clock.pendingCount]).toEqual(["closed", 0]);
});

test("refuses what is left when time is up", async () => {
  const { clock, told, served, advance } = make(1);
  const end = retire(served, clock, 500);
  await advance(600);
  await end;
  expect(told).toEqual(["close MODEL_NOT_READY", "refuse MODEL_NOT_READY", "closed"]);
});
