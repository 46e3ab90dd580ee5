// Goal: a version whose load ends the process that it shares takes its neighbours down twice and no
// more, says why it is away, and comes back with a file that loads.
// Method: real child processes; the file of a loaded version is replaced by one whose constants
// divide by zero while it is loaded, or by a pipe that never ends, and the worker killed.
import { execFileSync } from "node:child_process";
import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultLimits } from "../../src/base/index.ts";
import {
  createProcessEngine,
  type Instance,
  type ProcessEngine,
  type WorkerEvent,
} from "../../src/engine/index.ts";
import { deadlyToLoad } from "../../tools/onnx/loads.ts";
import { fingerprintOf } from "../../tools/onnx/models.ts";
import { type ModelFolder, makeModelFolder } from "./engine-models.ts";
import {
  batchOf,
  fingerprintArtifact,
  float32,
  loopArtifact,
  loopBatch,
  plain,
  ready,
  until,
} from "./engine-steps.ts";

let folder: ModelFolder;
const engines: ProcessEngine[] = [];
beforeAll(() => {
  folder = makeModelFolder();
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  folder.remove();
});

interface House {
  readonly engine: ProcessEngine;
  readonly events: readonly WorkerEvent[];
  readonly killer: Instance;
  readonly neighbour: Instance;
  /** Path of the killer's file. */
  readonly path: string;
}

/** Two versions in one worker, whose load may take `modelLoadMsMax`. */
async function open(modelLoadMsMax: number): Promise<House> {
  const events: WorkerEvent[] = [];
  const limits = { ...defaultLimits, modelLoadMsMax, workerBackoffMsMax: 400 };
  const engine = createProcessEngine({ limits, onEvent: (event) => events.push(event) });
  engines.push(engine);
  const artifact = fingerprintArtifact(folder, 2);
  copyFileSync(artifact.path, `${artifact.path}.good`);
  const killer = await engine.load(artifact, { worker: "many" });
  const neighbour = await engine.load(loopArtifact(folder), { worker: "many" });
  return { engine, events, killer, neighbour, path: artifact.path };
}

const deathsOf = ({ events }: House): number => events.filter(({ kind }) => kind === "died").length;
const putOffsOf = ({ events }: House): number =>
  events.filter(({ kind }) => kind === "reloadFailed").length;

/** Kills the worker, waits until the killer is out and tried, and looks at its neighbour. */
async function expectAlone(house: House): Promise<void> {
  const { engine, killer, neighbour } = house;
  process.kill(engine.pids[0] ?? 0, "SIGKILL");
  await until(() => putOffsOf(house) >= 2);
  const deaths = deathsOf(house);
  // The kill of this test, and the two loads.
  expect(deaths).toBe(3);
  await ready(neighbour);
  const restarts = neighbour.restarts;
  await until(() => {
    void neighbour.run(loopBatch(1n)).catch(() => {});
    return putOffsOf(house) >= 5;
  });
  expect(deathsOf(house)).toBe(deaths);
  expect([neighbour.isReady, neighbour.restarts]).toEqual([true, restarts]);
  expect(plain((await neighbour.run(loopBatch(2n))).outputs[0])).toEqual([3]);
  expect([killer.isReady, killer.startsInMs]).toEqual([false, expect.any(Number)]);
}

async function expectBack({ killer, neighbour, engine }: House): Promise<void> {
  await ready(killer);
  expect(killer.problem).toBe("");
  const result = await killer.run(batchOf([float32([1, 2], 3, 1)]));
  expect(plain(result.outputs[0])).toEqual([fingerprintOf([3, 1])]);
  expect(neighbour.isReady).toBe(true);
  await until(() => engine.pids.length === 1);
}

describe("a version that ends the worker it shares while it is loaded again", () => {
  test.runIf(process.arch === "x64")(
    "is kept out by itself when it dies",
    async () => {
      const house = await open(20_000);
      writeFileSync(house.path, deadlyToLoad());
      await expectAlone(house);
      expect(house.killer.problem).toContain("loading it ends the engine's process");
      renameSync(`${house.path}.good`, house.path);
      await expectBack(house);
    },
    60_000,
  );

  test.runIf(process.platform === "linux")(
    "is kept out by itself when it hangs",
    async () => {
      const house = await open(400);
      renameSync(house.path, `${house.path}.away`);
      execFileSync("mkfifo", [house.path]);
      await expectAlone(house);
      expect(house.killer.problem).toContain("longer than 400 ms (modelLoadMsMax)");
      renameSync(`${house.path}.good`, house.path);
      await expectBack(house);
    },
    60_000,
  );
});
