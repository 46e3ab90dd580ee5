// Goal: a model file is taken in whole or refused with one line, whatever lies in its folder.
// Method: packages in a temporary folder with files, links, pipes and external data.
import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tensorValue, writeModel } from "../../../tools/onnx/builder.ts";
import { linearClassifier } from "../../../tools/onnx/learners.ts";
import type { ModelSource } from "../../../tools/onnx/model-source.ts";
import { identity } from "../../../tools/onnx/models.ts";
import { describeOnnx, importOnnx, type OnnxSource } from "./import-onnx.ts";

const root = mkdtempSync(join(tmpdir(), "millrace-import-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let packages = 0;

/** A package folder with these files. */
function packageOf(files: Readonly<Record<string, Uint8Array | string>>): string {
  packages += 1;
  const folder = join(root, `package-${packages}`);
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

function source(folder: string, change: Partial<OnnxSource> = {}): OnnxSource {
  return {
    folder,
    location: "model.onnx",
    limits: { modelFileBytesMax: 1_000_000, modelNodesMax: 1000 },
    cacheFolder: join(root, "cache"),
    manifest: undefined,
    hasLocale: () => false,
    ...change,
  };
}

const external: ModelSource = {
  nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
  inputs: [tensorValue("x", "FP32", [null, 2])],
  outputs: [tensorValue("y", "FP32", [null, 2])],
  initializers: [{ name: "w", type: "FP32", shape: [2], external: [["location", "w.bin"]] }],
};
const weights = new Uint8Array(Float32Array.of(10, 20).buffer);
const plain = identity("FP32", ["batch", 2]);

test("imports a plain model by its own path", async () => {
  const folder = packageOf({ "model.onnx": plain });
  const imported = await importOnnx(source(folder));
  expect(imported.path).toBe(join(folder, "model.onnx"));
  expect(imported.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(imported.signature.layout).toEqual({ kind: "dynamic" });
  expect(imported.warnings).toEqual([]);
});

test("makes the digest of everything that decides the answers and of nothing else", async () => {
  const digest = async (
    files: Readonly<Record<string, Uint8Array | string>>,
    manifest?: Uint8Array,
  ) => (await importOnnx(source(packageOf(files), { manifest }))).digest;
  const model = writeModel(external);
  const base = await digest({ "model.onnx": model, "w.bin": weights });
  expect(await digest({ "model.onnx": model, "w.bin": weights, "notes.txt": "x" })).toBe(base);
  const other = new Uint8Array(Float32Array.of(10, 21).buffer);
  expect(await digest({ "model.onnx": model, "w.bin": other })).not.toBe(base);
  const renamed = writeModel({ ...external, doc: "changed" });
  expect(await digest({ "model.onnx": renamed, "w.bin": weights })).not.toBe(base);
  const withManifest = await digest({ "model.onnx": model, "w.bin": weights }, weights);
  expect(withManifest).not.toBe(base);
});

test("writes a model with ZipMap anew, once, with its external data beside it", async () => {
  const zipMap = {
    op: "ZipMap",
    domain: "ai.onnx.ml",
    inputs: ["y"],
    outputs: ["maps"],
    attributes: { classlabels_int64s: { ints: [0, 1] } },
  };
  const maps = { sequence: { map: ["INT64", { tensor: "FP32" }] } } as const;
  const model = writeModel({
    ...external,
    nodes: [...external.nodes, zipMap],
    outputs: [{ name: "maps", type: maps }],
    initializers: [{ name: "w", type: "FP32", shape: [2], external: [["location", "sub/w.bin"]] }],
  });
  const folder = packageOf({ "model.onnx": model, "sub/w.bin": weights });
  const cacheFolder = join(root, "fresh-cache");
  const { path, signature } = await importOnnx(source(folder, { cacheFolder }));
  expect(path.startsWith(cacheFolder)).toBe(true);
  expect(signature.outputs[0]).toMatchObject({ name: "maps", dtype: "FP32", shape: [-1, 2] });
  const again = await importOnnx(source(folder, { cacheFolder }));
  expect(again.path).toBe(path);
  expect(readdirSync(cacheFolder)).toHaveLength(1);
  expect(readdirSync(folder).sort()).toEqual(["model.onnx", "sub"]);

  const session = await InferenceSession.create(path);
  const { maps: scores } = await session.run({ x: new Tensor("float32", [1, 2], [1, 2]) });
  await session.release();
  expect(scores?.data).toEqual(Float32Array.of(11, 22));
});

test("says when the rewritten model cannot be written, without the path", async () => {
  const model = linearClassifier({ features: 2, labels: [0, 1], hasZipMap: true });
  const folder = packageOf({ "model.onnx": model, blocked: "a file, not a folder" });
  const cacheFolder = join(folder, "blocked", "cache");
  const failed = importOnnx(source(folder, { cacheFolder }));
  await expect(failed).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
  await expect(failed).rejects.not.toThrow(folder);
});

test.each([
  ["", "the model file is empty; copy or export it again"],
  [
    "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "fetch the file with `git lfs pull`",
  ],
  ["PK\u0003\u0004rest", "a ZIP archive"],
  ["<!DOCTYPE html>", "a web page"],
  ["0123456789", "not a readable ONNX model"],
])("names the file %j for what it is", async (content, message) => {
  const folder = packageOf({ "model.onnx": content });
  await expect(importOnnx(source(folder))).rejects.toThrow(message);
});

test("refuses a model cut at any byte", async () => {
  const whole = linearClassifier({ features: 2, labels: [0, 1], hasZipMap: false });
  for (let length = 0; length < whole.length; length += 7) {
    const folder = packageOf({ "model.onnx": whole.subarray(0, length) });
    await expect(importOnnx(source(folder))).rejects.toMatchObject({ code: "MODEL_INVALID" });
  }
});

test("lets in modelFileBytesMax bytes, external data included, and not one more", async () => {
  const model = writeModel(external);
  const folder = packageOf({ "model.onnx": model, "w.bin": weights });
  const limit = (modelFileBytesMax: number) =>
    importOnnx(source(folder, { limits: { modelFileBytesMax, modelNodesMax: 1000 } }));
  const bytes = model.byteLength + weights.byteLength;
  await expect(limit(bytes)).resolves.toBeDefined();
  await expect(limit(bytes - 1)).rejects.toThrow(
    `takes ${bytes} bytes, and the limit is ${bytes - 1}`,
  );
  await expect(limit(model.byteLength - 1)).rejects.toThrow("raise modelFileBytesMax");
});

test("refuses links, pipes and folders in the place of the model", async () => {
  const outside = packageOf({ "real.onnx": plain });
  const hard = packageOf({});
  linkSync(join(outside, "real.onnx"), join(hard, "model.onnx"));
  await expect(importOnnx(source(hard))).rejects.toThrow(
    "model file 'model.onnx' is a hard link: 2 names share it; put a copy in its place",
  );
  const soft = packageOf({});
  symlinkSync(join(outside, "real.onnx"), join(soft, "model.onnx"));
  await expect(importOnnx(source(soft))).rejects.toThrow(
    "is a symbolic link that leaves the package's folder",
  );
  const pipe = packageOf({});
  execFileSync("mkfifo", [join(pipe, "model.onnx")]);
  await expect(importOnnx(source(pipe))).rejects.toThrow("is not a regular file");
  const folder = packageOf({ "model.onnx/inner": "x" });
  await expect(importOnnx(source(folder))).rejects.toThrow("is not a regular file");
  await expect(importOnnx(source(packageOf({})))).rejects.toThrow("cannot be found");
});

test("follows a link of the model inside the folder, as in Kubernetes volumes", async () => {
  const folder = packageOf({ "v1/model.onnx": writeModel(external), "v1/w.bin": weights });
  symlinkSync("v1/model.onnx", join(folder, "model.onnx"));
  const { path, facts } = await importOnnx(source(folder));
  expect(path).toBe(join(folder, "v1/model.onnx"));
  expect(facts.externalFiles).toEqual([{ location: "w.bin", bytes: 8 }]);
});

test("refuses links, pipes and strangers in the place of external data", async () => {
  const model = writeModel(external);
  const outside = packageOf({ "w.bin": weights });
  const put = (make: (path: string) => void) => {
    const folder = packageOf({ "model.onnx": model });
    make(join(folder, "w.bin"));
    return importOnnx(source(folder));
  };
  const file = "external data file 'w.bin'";
  await expect(put(() => undefined)).rejects.toThrow(`${file} cannot be found; put it beside`);
  await expect(put((path) => linkSync(join(outside, "w.bin"), path))).rejects.toThrow(
    `${file} is a hard link`,
  );
  await expect(put((path) => symlinkSync(join(outside, "w.bin"), path))).rejects.toThrow(
    `${file} is a symbolic link that leaves`,
  );
  await expect(put((path) => symlinkSync("model.onnx", path))).rejects.toThrow(
    `${file} is a symbolic link; put the file itself`,
  );
  await expect(put((path) => symlinkSync("/dev/zero", path))).rejects.toThrow("symbolic link");
  await expect(put((path) => execFileSync("mkfifo", [path]))).rejects.toThrow(
    `${file} is not a regular file`,
  );
  await expect(put((path) => writeFileSync(path, weights.subarray(1)))).rejects.toThrow(
    "ends at byte 8, and the file 'w.bin' has 7; copy the whole file",
  );
});

test("refuses external data behind a linked folder and in the model itself", async () => {
  const at = (location: string) =>
    writeModel({
      ...external,
      initializers: [{ name: "w", type: "FP32", shape: [2], external: [["location", location]] }],
    });
  const outside = packageOf({ "w.bin": weights });
  const linked = packageOf({ "model.onnx": at("sub/w.bin") });
  symlinkSync(outside, join(linked, "sub"));
  await expect(importOnnx(source(linked))).rejects.toThrow("leaves the package's folder");
  const self = packageOf({ "model.onnx": at("model.onnx") });
  await expect(importOnnx(source(self))).rejects.toThrow("may not lie in the model file itself");
});

test("finds external data that hides in attributes and bodies", async () => {
  const tensor = {
    name: "t",
    type: "FP32",
    shape: [2],
    external: [["location", "../w.bin"]],
  } as const;
  const constant = {
    op: "Constant",
    inputs: [],
    outputs: ["w"],
    attributes: { value: { tensor } },
  };
  const body = { nodes: [constant], inputs: [], outputs: [] };
  const branch = {
    op: "If",
    inputs: [],
    outputs: [],
    attributes: { then_branch: { graph: body } },
  };
  for (const nodes of [[constant], [branch]]) {
    const model = writeModel({ ...external, initializers: [], nodes });
    const folder = packageOf({ "model.onnx": model });
    await expect(importOnnx(source(folder))).rejects.toThrow("has a location with `..`");
  }
});

test("describes a model, and one that would be refused together with the reason", async () => {
  const good = packageOf({ "model.onnx": writeModel(external), "w.bin": weights });
  const described = await describeOnnx(source(good));
  expect(described.refusal).toBeUndefined();
  expect(described.facts).toMatchObject({
    format: "onnx",
    irVersion: 8,
    operators: [{ name: "Add", count: 1 }],
    nodeCount: 1,
    parameterCount: 2,
    parameterBytes: 8,
    externalFiles: [{ location: "w.bin", bytes: 8 }],
  });
  expect({ ...described.facts.opsets }).toEqual({ "ai.onnx": 17, "ai.onnx.ml": 3 });
  const bad = packageOf({ "model.onnx": writeModel({ ...external, opsets: { "": 99 } }) });
  writeFileSync(join(bad, "w.bin"), weights);
  const refused = await describeOnnx(source(bad));
  expect(refused.refusal).toContain("opset 99");
  expect(refused.signature).toBeUndefined();
  expect(refused.facts.nodeCount).toBe(1);
  expect(readFileSync(join(bad, "model.onnx")).byteLength).toBe(refused.facts.fileBytes);
});
