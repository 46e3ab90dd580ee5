// Goal: no file, however broken, makes the reader throw anything but a refusal, or take long.
// Method: valid models with bytes changed, cut, repeated and spliced, drawn from a printed seed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { expect, test } from "vitest";
import { type Random, ServingError, seededRandom } from "../../src/base/index.ts";
import { checkGraph } from "../../src/model/onnx/check/check-graph.ts";
import { externalRegion } from "../../src/model/onnx/check/external-regions.ts";
import { readArtifact } from "../../src/model/onnx/read/read-artifact.ts";
import { rewriteZipMaps } from "../../src/model/onnx/rewrite-zip-maps.ts";
import { deriveSignature } from "../../src/model/onnx/signature/derive-signature.ts";
import { writeModel } from "../../tools/onnx/builder.ts";
import { linearClassifier, mlp, treeEnsemble } from "../../tools/onnx/learners.ts";
import { loop, slowRows } from "../../tools/onnx/loads.ts";
import { constant, fingerprint, identity, mixed } from "../../tools/onnx/models.ts";

const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_260_703);
const runs = process.env["MILLRACE_TEST_FULL"] === undefined ? 6_000 : 400_000;

const external = writeModel({
  nodes: [{ op: "Identity", inputs: ["w"], outputs: ["y"] }],
  inputs: [],
  outputs: [{ name: "y", type: { tensor: "FP32", shape: [2] } }],
  initializers: [
    {
      name: "w",
      type: "FP32",
      shape: [2],
      external: [
        ["location", "w.bin"],
        ["offset", "0"],
        ["length", "8"],
      ],
    },
  ],
});

/** The engine's own form of a model. */
async function convert(model: Uint8Array): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-fuzz-"));
  const path = join(folder, "model.ort");
  const session = await InferenceSession.create(model, {
    graphOptimizationLevel: "disabled",
    optimizedModelFilePath: path,
    extra: { session: { save_model_format: "ORT" } },
  });
  await session.release();
  const bytes = new Uint8Array(readFileSync(path));
  rmSync(folder, { recursive: true });
  return bytes;
}

const models: readonly Uint8Array[] = [
  await convert(loop()),
  await convert(linearClassifier({ features: 3, labels: ["a", "b"], hasZipMap: true })),
  identity("BYTES", ["batch", 2]),
  linearClassifier({ features: 3, labels: ["a", "b"], hasZipMap: true }),
  linearClassifier({ features: 3, labels: [1, 2, 3], hasZipMap: false }),
  treeEnsemble({ features: 3, labels: [1, 2], trees: 2, depth: 2, hasZipMap: true }),
  mlp([3, 4, 2]),
  loop(),
  slowRows(),
  constant(),
  fingerprint(3),
  mixed(),
  external,
];

function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[Math.floor(random.next() * from.length)];
  if (picked === undefined) throw new RangeError("nothing to pick from");
  return picked;
}

function whole(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

const mutations: readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  (bytes, random) => bytes.subarray(0, whole(random, bytes.length)),
  (bytes, random) => change(bytes, random, 1),
  (bytes, random) => change(bytes, random, 8),
  (bytes, random) => {
    const at = whole(random, bytes.length);
    const from = pick(random, models);
    const start = whole(random, from.length);
    return Buffer.concat([bytes.subarray(0, at), from.subarray(start), bytes.subarray(at)]);
  },
  (bytes, random) => {
    const at = whole(random, bytes.length);
    const until = at + whole(random, bytes.length - at);
    return Buffer.concat([bytes.subarray(0, until), bytes.subarray(at)]);
  },
];

function change(bytes: Uint8Array, random: Random, count: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  const strange = [0, 0x7f, 0x80, 0xff];
  for (let index = 0; index < count; index += 1) {
    const isStrange = random.next() < 0.5;
    changed[whole(random, bytes.length)] = isStrange ? pick(random, strange) : whole(random, 256);
  }
  return changed;
}

/** All that happens to untrusted bytes before a file or the engine is touched. */
function judge(bytes: Uint8Array): void {
  const model = readArtifact(bytes, 1000);
  checkGraph(model, { nodesMax: 1000, hasLocale: () => false });
  for (const tensor of model.tensors) if (tensor.isExternal) externalRegion(tensor);
  const { zipMaps } = deriveSignature(model);
  if (model.format === "onnx") rewriteZipMaps(bytes, zipMaps);
}

test(`refuses broken files with MODEL_INVALID and nothing else (seed ${seed})`, () => {
  let refused = 0;
  for (let run = 0; run < runs; run += 1) {
    const random = seededRandom(seed + run);
    const bytes = pick(random, mutations)(pick(random, models), random);
    try {
      judge(bytes);
    } catch (thrown) {
      const code = ServingError.is(thrown) ? thrown.code : `${thrown}`;
      expect(code, `MILLRACE_TEST_SEED=${seed + run}`).toBe("MODEL_INVALID");
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(runs / 10);
  expect(refused).toBeLessThan(runs);
});

test("the unbroken models pass", () => {
  for (const each of models) expect(() => judge(each)).not.toThrow();
});
