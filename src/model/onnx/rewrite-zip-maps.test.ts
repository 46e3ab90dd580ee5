// Goal: a rewritten classifier answers the probabilities of its twin without ZipMap, bit for bit.
// Method: both are run by the engine on the same rows.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { tensorValue, writeModel } from "../../../tools/onnx/builder.ts";
import { linearClassifier, treeEnsemble } from "../../../tools/onnx/learners.ts";
import { readOnnx } from "./read/read-onnx.ts";
import { rewriteZipMaps } from "./rewrite-zip-maps.ts";
import { deriveSignature } from "./signature/derive-signature.ts";

function rewritten(bytes: Uint8Array): Uint8Array {
  return rewriteZipMaps(bytes, deriveSignature(readOnnx(bytes, 1000)).zipMaps);
}

async function answer(bytes: Uint8Array, rows: readonly number[], name = "probabilities") {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const features = rows.length / 2;
  const tensor = new Tensor("float32", Float32Array.from(rows), [2, features]);
  const results = await session.run({ [session.inputNames[0] ?? ""]: tensor });
  const output = results[name];
  await session.release();
  return { names: session.outputNames, dims: output?.dims, elements: output?.data };
}

const rows = [0.1, -2, 3, 0.5, 1, 2, -3, 0.25];

test.each([[[0, 1]], [["b", "a", "c"]]])(
  "gives the scores of a linear classifier with labels %j",
  async (labels) => {
    const bytes = rewritten(linearClassifier({ features: 4, labels, hasZipMap: true }));
    const twin = linearClassifier({ features: 4, labels, hasZipMap: false });
    expect(await answer(bytes, rows)).toEqual(await answer(twin, rows));
  },
);

test("gives the scores of a tree ensemble", async () => {
  const shape = { features: 4, labels: [0, 1, 2], trees: 5, depth: 2 };
  const bytes = rewritten(treeEnsemble({ ...shape, hasZipMap: true }));
  const twin = treeEnsemble({ ...shape, hasZipMap: false });
  expect(await answer(bytes, rows)).toEqual(await answer(twin, rows));
});

test("works when the maps are the only output and the scores are a graph input", async () => {
  const source = writeModel({
    nodes: [
      {
        op: "ZipMap",
        domain: "ai.onnx.ml",
        inputs: ["x"],
        outputs: ["maps"],
        attributes: { classlabels_int64s: { ints: [1, 2] } },
      },
    ],
    inputs: [tensorValue("x", "FP32", [null, 2])],
    outputs: [{ name: "maps", type: { sequence: { map: ["INT64", { tensor: "FP32" }] } } }],
  });
  const { elements } = await answer(rewritten(source), [1, 2, 3, 4], "maps");
  expect(elements).toEqual(Float32Array.of(1, 2, 3, 4));
});

test("copies all other fields byte for byte", () => {
  const source = linearClassifier({ features: 4, labels: [0, 1], hasZipMap: true });
  expect(Buffer.from(rewriteZipMaps(source, [])).equals(Buffer.from(source))).toBe(true);
  const before = readOnnx(source, 10);
  const after = readOnnx(rewritten(source), 10);
  expect(after.graph.nodes.map((each) => each.op)).toEqual([
    "LinearClassifier",
    "Normalizer",
    "Identity",
  ]);
  expect(after.graph.inputs).toEqual(before.graph.inputs);
  expect(after.opsets).toEqual(before.opsets);
  expect(after.producerName).toBe(before.producerName);
});
