// Goal: a package is read whole - artifact, manifest or Triton configuration, samples - or refused
// with one line; real repositories are read as their authors meant. Method: small models written
// here, then the repository's own models and the fixture folder where they are present.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixturesFolder, whySkipped } from "../../../test/support/fixtures.ts";
import { linearClassifier } from "../../../tools/onnx/learners.ts";
import { identity } from "../../../tools/onnx/models.ts";
import { defaultLimits, ServingError } from "../../base/index.ts";
import { discoverPackages } from "./discover.ts";
import { limitsOfPackage, type ModelPackage } from "./model-package.ts";
import { readPackage } from "./read-package.ts";
import { readSamples } from "./samples/read-samples.ts";

const root = mkdtempSync(join(tmpdir(), "millrace-package-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let places = 0;

const model = linearClassifier({ features: 2, labels: [0, 1], hasZipMap: true });
const plain = identity("FP32", ["batch", 4]);

function place(files: Readonly<Record<string, Uint8Array | string>>): string {
  places += 1;
  const folder = join(root, `place-${places}`);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const options = {
  limits: defaultLimits,
  cacheFolder: join(root, "cache"),
  hasLocale: () => true,
};

async function readAll(path: string): Promise<readonly ModelPackage[]> {
  const { packages } = await discoverPackages([path], { name: undefined });
  return await Promise.all(packages.map((each) => readPackage(each, options)));
}

async function readOne(path: string): Promise<ModelPackage> {
  const [only, ...more] = await readAll(path);
  if (only === undefined || more.length > 0) throw new Error("expected one package");
  return only;
}

async function refusal(path: string): Promise<string> {
  try {
    await readAll(path);
  } catch (thrown) {
    if (ServingError.is(thrown)) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  return "let in";
}

test("reads a package with its manifest", async () => {
  const manifest = `
name: churn
version: 1.2.0
inputs: { float_input: { columns: [{ name: a, min: 0 }, { name: b }] } }
instances: auto
deadlineMsDefault: 500
limits: { requestItemsMax: 7 }
metadata: { owner: growth }
description: Who leaves.
`;
  const read = await readOne(place({ "model.onnx": model, "model.yaml": manifest }));
  expect(read).toMatchObject({
    name: "churn",
    version: "1.2.0",
    layout: "package",
    artifactName: "model.onnx",
    description: "Who leaves.",
    metadata: { owner: "growth" },
    samples: undefined,
    isRequired: true,
  });
  expect(read.signature.inputs[0]?.columns?.map((each) => each.name)).toEqual(["a", "b"]);
  expect(read.signature.outputs.map((each) => each.role)).toEqual(["prediction", "probability"]);
  expect(read.settings).toMatchObject({
    instances: "auto",
    limits: { requestItemsMax: 7, deadlineMsDefault: 500 },
  });
  expect(read.artifactPath.startsWith(options.cacheFolder)).toBe(true);
  expect(read.digest).toMatch(/^[0-9a-f]{64}$/);
});

test("the manifest counts for the digest", async () => {
  const bare = await readOne(place({ "model.onnx": plain }));
  const said = await readOne(place({ "model.onnx": plain, "model.yaml": "threads: 2" }));
  expect(bare.digest).not.toBe(said.digest);
});

test("the manifest may name the artifact", async () => {
  const files = { "nets/b.onnx": plain, "a.onnx": model, "model.yaml": "artifact: nets/b.onnx" };
  expect((await readOne(place(files))).signature.inputs[0]?.name).toBe("x");
});

test.each<[string, Readonly<Record<string, Uint8Array | string>>]>([
  [
    "another name than the folder's",
    { "r/1.0.0/model.onnx": plain, "r/1.0.0/model.yaml": "name: q" },
  ],
  ["another version", { "r/1.0.0/model.onnx": plain, "r/1.0.0/model.yaml": "version: 1.0.1" }],
  [
    "two deadlines",
    { "model.onnx": plain, "model.yaml": "deadlineMsDefault: 1\nlimits: { deadlineMsDefault: 2 }" },
  ],
  ["no model file", { "model.yaml": "threads: 1" }],
  ["a model file that is not there", { "model.yaml": "artifact: a.onnx" }],
  [
    "a wrong column count",
    { "model.onnx": plain, "model.yaml": "inputs:\n  x:\n    columns: [{ name: a }]" },
  ],
  ["a broken model", { "model.onnx": "not a model" }],
  ["another name in config.pbtxt", { "r/config.pbtxt": 'name: "q"', "r/1/model.onnx": plain }],
  [
    "wrong dims in config.pbtxt",
    { "r/config.pbtxt": 'max_batch_size: 2 input { name: "x" dims: 5 }', "r/1/model.onnx": plain },
  ],
  [
    "a label file outside",
    {
      "r/config.pbtxt": 'output { name: "y" label_filename: "../l.txt" }',
      "r/1/model.onnx": plain,
      "l.txt": "a",
    },
  ],
])("refuses %s", async (_name, files) => {
  expect(await refusal(place(files))).toMatchSnapshot();
});

test("takes batching, limits and labels from config.pbtxt", async () => {
  const config = `
name: "net" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" dims: 4 label_filename: "labels.txt" }
dynamic_batching { max_queue_delay_microseconds: 2500 }
instance_group { count: 2 kind: KIND_GPU }
parameters { key: "owner" value { string_value: "ops" } }
`;
  const files = {
    "net/config.pbtxt": config,
    "net/labels.txt": "a\r\nb\nc\nd\n",
    "net/3/model.onnx": plain,
  };
  const read = await readOne(place(files));
  expect(read).toMatchObject({
    name: "net",
    version: "3",
    layout: "triton",
    metadata: { owner: "ops" },
    settings: {
      batching: { itemsMax: 8, delayMsMax: 2.5 },
      instances: 2,
      limits: { requestItemsMax: 8 },
    },
    warnings: ["config.pbtxt: instance_group KIND_GPU runs on the CPU here"],
  });
  expect(read.signature.outputs[0]?.labels).toEqual(["a", "b", "c", "d"]);
  const relabelled = await readOne(place({ ...files, "net/labels.txt": "a\nb\nc\ne\n" }));
  expect(relabelled.digest).not.toBe(read.digest);
});

test("a manifest in a Triton version folder takes the place of config.pbtxt", async () => {
  const read = await readOne(
    place({
      "net/config.pbtxt": "max_batch_size: 8",
      "net/1/model.onnx": plain,
      "net/1/model.yaml": "batching: { itemsMax: 5 }",
    }),
  );
  expect(read.settings).toMatchObject({ batching: { itemsMax: 5 }, limits: {} });
  expect(read.warnings[0]).toContain("model.yaml is used");
});

test("a package lowers limits and never raises them, but for the deadline", () => {
  const own = {
    requestItemsMax: 5,
    queueItemsMax: 10_000_000,
    batchWallMsMax: undefined,
    deadlineMsDefault: 100_000,
  };
  const limits = limitsOfPackage(defaultLimits, own);
  expect(limits.requestItemsMax).toBe(5);
  expect(limits.queueItemsMax).toBe(defaultLimits.queueItemsMax);
  expect(limits.batchWallMsMax).toBe(defaultLimits.batchWallMsMax);
  expect(limits.deadlineMsDefault).toBe(100_000);
  const late = limitsOfPackage(defaultLimits, { ...own, deadlineMsDefault: 86_400_000 });
  expect(late.deadlineMsDefault).toBe(defaultLimits.deadlineMsMax);
});

const ownModels = resolve(import.meta.dirname, "../../../models");

test.skipIf(!existsSync(ownModels))(
  "reads the models of this repository and their samples",
  async () => {
    const packages = await readAll(ownModels);
    expect(packages.length).toBeGreaterThan(0);
    for (const each of packages) {
      const samples = await readSamples(each, defaultLimits);
      expect(samples.length, each.name).toBeGreaterThan(0);
      expect(samples.every((sample) => sample.expected.length > 0)).toBe(true);
      expect(each.warnings).toEqual([]);
    }
  },
);

const fixtures = fixturesFolder();

describe.skipIf(fixtures === undefined)(`fixture models (${fixtures ?? whySkipped})`, () => {
  const models = join(fixtures ?? "", "models");

  test("reads the Triton repository as Triton would", async () => {
    const packages = await readAll(join(models, "triton-model-repository"));
    expect(packages.map((each) => `${each.name} ${each.version}`)).toEqual([
      "simple 1",
      "simple_sequence 1",
      "simple_string 1",
    ]);
    for (const each of packages) {
      expect(each.settings.batching.itemsMax).toBe(8);
      expect(each.settings.limits.requestItemsMax).toBe(8);
      expect(each.signature.layout).toEqual({ kind: "dynamic" });
    }
    expect(packages[1]?.warnings.join()).toContain("sequence_batching is not done");
  });

  test("names a file by what is left of its name", async () => {
    const read = await readOne(join(models, "edge/example ż 大 김.onnx"));
    expect(read).toMatchObject({ name: "example-z", version: "1.0.0", layout: "file" });
  });

  test("reads folders with external data as packages", async () => {
    const packages = await readAll(join(models, "external-data"));
    expect(packages.map((each) => each.name)).toEqual(["conv-qdq", "matmul"]);
    expect(packages.every((each) => each.facts.externalFiles.length > 0)).toBe(true);
  });
});
