// Goal: no real model that the engine runs is refused, and every invalid one is.
// Method: the fixture folder (real models, ONNX backend tests); the engine tells names and types.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { fixturesFolder, whySkipped } from "../../../test/support/fixtures.ts";
import { defaultLimits } from "../../base/index.ts";
import { checkGraph } from "./check/check-graph.ts";
import { hasLocale, importOnnx, localePlaces } from "./index.ts";
import { readArtifact } from "./read/read-artifact.ts";
import { deriveSignature } from "./signature/derive-signature.ts";

const folder = fixturesFolder();
const note = folder === undefined ? ` (${whySkipped})` : "";
const cacheFolder = mkdtempSync(join(tmpdir(), "millrace-fixtures-"));
afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }));

interface FixtureModel {
  readonly file: string;
  readonly loads?: boolean;
  readonly runs?: string;
}

function fixtureModels(): readonly FixtureModel[] {
  if (folder === undefined) return [];
  return JSON.parse(readFileSync(join(folder, "models/index.json"), "utf8")).models;
}

async function importFixture(file: string) {
  const path = join(folder ?? "", file);
  return await importOnnx({
    folder: dirname(path),
    location: basename(path),
    limits: defaultLimits,
    cacheFolder,
    manifest: undefined,
    hasLocale: () => true,
  });
}

/** Refused by the engine alone: types inside the graph and operators without a kernel. */
const engineOnly = new Set(["invalid/wrong-type.onnx", "invalid/old-opset-add1.onnx"]);
/** Loads, and can never run: neither its inputs nor its only output are tensors. */
const notTensors = new Set([
  ...["edge/sequence-output.onnx", "edge/sequence-input.onnx", "edge/optional-io.onnx"],
  ...["edge/optional-sequence-crash.onnx", "edge/map-input-string.onnx"],
]);

test.skipIf(folder === undefined)(`refuses the invalid models${note}`, async () => {
  const invalid = fixtureModels().filter((each) => each.loads === false);
  expect(invalid.length).toBeGreaterThan(10);
  for (const { file } of invalid) {
    const failed = importFixture(file);
    if (engineOnly.has(file.slice("models/".length))) await expect(failed).resolves.toBeDefined();
    else await expect(failed, file).rejects.toMatchObject({ code: "MODEL_INVALID" });
  }
});

test.skipIf(folder === undefined)(
  `agrees with the engine on names and types ${whySkipped}`,
  async () => {
    const canText = hasLocale("en_US.UTF-8", localePlaces(process.env));
    let compared = 0;
    for (const { file } of fixtureModels().filter((each) => each.loads === true)) {
      if (notTensors.has(file.slice("models/".length))) {
        await expect(importFixture(file), file).rejects.toMatchObject({ code: "MODEL_INVALID" });
        continue;
      }
      const { path, signature, facts } = await importFixture(file);
      const isText = facts.operators.some((each) => each.name === "StringNormalizer");
      if (isText && !canText) continue;
      const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
      expect(
        signature.inputs.map((each) => each.name),
        file,
      ).toEqual(session.inputNames);
      const offered = signature.outputs.map((each) => each.name);
      const tensors = session.outputMetadata.filter((each) => each.isTensor);
      expect(offered, file).toEqual(tensors.map((each) => each.name));
      await session.release();
      compared += 1;
    }
    expect(compared).toBeGreaterThan(80);
  },
);

/** The 'model.onnx' files of a tar archive, by folder. */
function* modelsOfTar(tar: Uint8Array): Generator<readonly [name: string, bytes: Uint8Array]> {
  const text = (at: number, length: number) =>
    Buffer.from(tar.subarray(at, at + length))
      .toString("latin1")
      .split("\0")[0] ?? "";
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = text(at, 100);
    if (name === "") break;
    const size = Number.parseInt(text(at + 124, 12), 8);
    const content = tar.subarray(at + 512, at + 512 + size);
    if (basename(name) === "model.onnx") yield [dirname(text(at + 345, 155) + name), content];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

test.skipIf(folder === undefined)(`takes every backend model that passes${note}`, () => {
  const vectors = join(folder ?? "", "vectors");
  const index = JSON.parse(readFileSync(join(vectors, "onnx-backend-index.json"), "utf8"));
  const status = new Map<string, string>();
  for (const each of index.cases) status.set(each.case, each.status);
  let passed = 0;
  const tar = gunzipSync(readFileSync(join(vectors, "onnx-backend-tests.tar.gz")));
  for (const [name, bytes] of modelsOfTar(tar)) {
    if (status.get(name) !== "pass") continue;
    const model = readArtifact(bytes, defaultLimits.modelNodesMax);
    checkGraph(model, { nodesMax: defaultLimits.modelNodesMax, hasLocale: () => true });
    expect(deriveSignature(model).signature.outputs.length, name).toBeGreaterThan(0);
    passed += 1;
  }
  expect(passed).toBeGreaterThan(800);
});
