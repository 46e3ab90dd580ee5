// Goal: a worker that several fronts use answers each with its own rows, is judged as with one
// front, and blames nobody but who was at work. Method: a real worker, its primary and another
// front, both in this process.
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ServingError, systemClock } from "../../src/base/index.ts";
import {
  type ArtifactSpec,
  createProcessEngine,
  type Instance,
  LinkedWorkers,
  OutsideKill,
  type ProcessEngine,
} from "../../src/engine/index.ts";
import { instanceState } from "../../src/service/index.ts";
import { fingerprintOf } from "../../tools/onnx/models.ts";
import { type ModelFolder, makeModelFolder } from "./engine-models.ts";
import {
  batchOf,
  codeOf,
  fingerprintArtifact,
  float32,
  forever,
  loopArtifact,
  loopBatch,
  plain,
  ready,
} from "./engine-steps.ts";

let folder: ModelFolder;
let sockets: string;
beforeAll(() => {
  folder = makeModelFolder();
  sockets = mkdtempSync(join(tmpdir(), "millrace-fronts-test-"));
});
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(() => {
  folder.remove();
  rmSync(sockets, { recursive: true });
});

interface House {
  readonly engine: ProcessEngine;
  /** The instance as the primary has it, and as the other front does. */
  readonly own: Instance;
  readonly linked: Instance;
  readonly path: string;
}

let lastFront = 0;

async function house(artifact: ArtifactSpec): Promise<House> {
  lastFront += 1;
  const path = join(sockets, `workers-${lastFront}`);
  const workers = new LinkedWorkers({ clock: systemClock, front: lastFront, path });
  await workers.listen();
  const engine = createProcessEngine({
    hasFronts: true,
    onEvent(event) {
      if (event.kind === "died") workers.died({ ...event.death, worker: event.worker });
    },
  });
  closers.push(
    () => engine.close(),
    () => workers.close(),
  );
  engine.connect(lastFront, path);
  const own = await engine.load(artifact);
  const linked = workers.add(instanceState(own));
  own.onReadyChange(() => linked.update(instanceState(own)));
  await workers.settled(5_000);
  return { engine, own, linked, path };
}

async function failureOf(work: Promise<unknown>): Promise<ServingError> {
  return await work.then(
    () => new ServingError("INTERNAL", "nothing was thrown"),
    (thrown: unknown) => ServingError.from(thrown),
  );
}

test("each front is answered by its own rows, however they are mixed", async () => {
  const { own, linked } = await house(fingerprintArtifact(folder, 3));
  const runs = Array.from({ length: 200 }, async (_, index) => {
    const row = [index, index * 2, index * 3];
    const answer = await (index % 2 === 0 ? own : linked).run(batchOf([float32([1, 3], ...row)]));
    expect(plain(answer.outputs[0])).toEqual([fingerprintOf(row)]);
  });
  await Promise.all(runs);
});

test("what the engine refuses is the refusal of the front that asked", async () => {
  const { own, linked } = await house(fingerprintArtifact(folder, 3));
  const wrong = linked.run(batchOf([float32([1, 2], 1, 2)]));
  const right = own.run(batchOf([float32([1, 3], 1, 2, 3)]));
  expect(await codeOf(wrong)).toBe("INPUT_REJECTED_BY_MODEL");
  expect(plain((await right).outputs[0])).toEqual([fingerprintOf([1, 2, 3])]);
});

describe("a worker that ends", () => {
  test("by a hang of another front: it alone is told so, who waited was a bystander", async () => {
    const { own, linked } = await house(loopArtifact(folder));
    const hung = failureOf(linked.run(loopBatch(forever, 300)));
    await new Promise((done) => setTimeout(done, 100));
    const behind = failureOf(own.run(loopBatch(1n)));
    expect((await hung).code).toBe("ENGINE_TIMEOUT");
    const bystander = await behind;
    expect([bystander.code, bystander.cause instanceof OutsideKill]).toEqual(["WORKER_LOST", true]);
    await Promise.all([ready(own), ready(linked)]);
    expect(plain((await linked.run(loopBatch(5n))).outputs[0])).toEqual([6]);
    expect(own.restarts).toBe(1);
  });

  test("by a hang of the primary's: the other front's batch was a bystander", async () => {
    const { own, linked } = await house(loopArtifact(folder));
    const hung = failureOf(own.run(loopBatch(forever, 300)));
    await new Promise((done) => setTimeout(done, 100));
    const behind = await failureOf(linked.run(loopBatch(1n)));
    expect((await hung).code).toBe("ENGINE_TIMEOUT");
    expect([behind.code, behind.cause instanceof OutsideKill]).toEqual(["WORKER_LOST", true]);
  });

  test("a run longer than a silence is no silence, whosever it is", async () => {
    const { own, linked, engine } = await house(loopArtifact(folder));
    const pids = engine.pids;
    const long = failureOf(linked.run(loopBatch(forever, 7_000)));
    expect((await long).code).toBe("ENGINE_TIMEOUT");
    expect(pids).not.toEqual(engine.pids);
    await ready(own);
  });

  test("killed from outside: both fronts hear it and go on with the next", async () => {
    const { own, linked, engine } = await house(loopArtifact(folder));
    const runs = [own, linked].map((each) => failureOf(each.run(loopBatch(forever))));
    await new Promise((done) => setTimeout(done, 50));
    process.kill(engine.pids[0] ?? 0, "SIGKILL");
    for (const error of await Promise.all(runs)) {
      expect([error.code, error.cause instanceof OutsideKill]).toEqual(["WORKER_LOST", true]);
    }
    await Promise.all([ready(own), ready(linked)]);
    expect(plain((await linked.run(loopBatch(2n))).outputs[0])).toEqual([3]);
  });
});

test("a stranger on the path is cut off and changes nothing", async () => {
  const { linked, path } = await house(fingerprintArtifact(folder, 3));
  const stranger = connect(path);
  await new Promise((done) => stranger.once("connect", done));
  stranger.write(Buffer.alloc(64, 7));
  await new Promise((done) => stranger.once("close", done));
  const answer = await linked.run(batchOf([float32([1, 3], 4, 5, 6)]));
  expect(plain(answer.outputs[0])).toEqual([fingerprintOf([4, 5, 6])]);
});
