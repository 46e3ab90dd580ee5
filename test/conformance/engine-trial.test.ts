// Goal: artifacts that nobody vouches for are told apart before they serve, and the known killers
// cost one batch each. Method: trials of our own models; the fixture models that end their process.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProcessEngine, type ProcessEngine } from "../../src/engine/index.ts";
import { makeTensor } from "../../src/tensor/index.ts";
import { loop } from "../../tools/onnx/loads.ts";
import { fixturesFolder, whySkipped } from "../support/fixtures.ts";
import { type ModelFolder, makeModelFolder } from "./engine-models.ts";
import {
  batchOf,
  codeOf,
  float32,
  forever,
  loopArtifact,
  loopBatch,
  ready,
  until,
} from "./engine-steps.ts";

let folder: ModelFolder;
let engine: ProcessEngine;
beforeAll(() => {
  folder = makeModelFolder();
  engine = createProcessEngine();
});
afterAll(async () => {
  await engine.close();
  folder.remove();
});

describe("a trial", () => {
  test("tells what became of the load and of each probe", async () => {
    const outcome = await engine.tryOut(loopArtifact(folder), [
      loopBatch(3n),
      batchOf([float32([], 1), float32([], 1)]),
      loopBatch(forever, 200),
      loopBatch(1n),
    ]);
    expect(outcome.refusal).toBeUndefined();
    const kinds = outcome.probes.map((probe) => probe.kind);
    expect(kinds).toEqual(["answered", "refused", "died"]);
    expect(outcome.probes[2]).toMatchObject({ error: { code: "ENGINE_TIMEOUT" } });
    await until(() => engine.pids.length === 0);
  });

  test("of a damaged file refuses it", async () => {
    const artifact = folder.artifact(loop().subarray(0, 100), [], []);
    const outcome = await engine.tryOut(artifact, []);
    expect(outcome.refusal).toMatchObject({ code: "MODEL_LOAD_FAILED" });
  });
});

const fixtures = fixturesFolder();
describe.skipIf(fixtures === undefined)(`fixtures${fixtures ? "" : ` (${whySkipped})`}`, () => {
  const path = (name: string) => join(fixtures ?? "", "models", name);
  const named = { kind: "onnx", digest: "fixture", threads: 1 } as const;

  test("an optional sequence that ends the process costs one batch", async () => {
    const instance = await engine.load({
      ...named,
      path: path("edge/optional-sequence-crash.onnx"),
      inputs: [{ name: "cond", dtype: "BOOL" }],
      outputs: [{ name: "sequence", dtype: "FP32" }],
    });
    const batch = batchOf([makeTensor("BOOL", [], Uint8Array.of(1))]);
    expect(await codeOf(instance.run(batch))).toBe("WORKER_LOST");
    await ready(instance);
  });

  test("an empty batch that ends the process costs one batch", async () => {
    const instance = await engine.load({
      ...named,
      path: path("quantized/qlstm.onnx"),
      inputs: [{ name: "input", dtype: "FP32" }],
      outputs: [{ name: "output", dtype: "FP32" }],
    });
    expect(await codeOf(instance.run(batchOf([float32([0, 3])])))).toBe("WORKER_LOST");
    await ready(instance);
  });
});
