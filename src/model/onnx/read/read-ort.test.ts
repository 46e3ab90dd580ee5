// Goal: the engine's own file format tells the same as the ONNX file it was made of.
// Method: the engine converts models of tools/onnx; both files are read and compared.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { linearClassifier } from "../../../../tools/onnx/learners.ts";
import { loop } from "../../../../tools/onnx/loads.ts";
import { mixed } from "../../../../tools/onnx/models.ts";
import { readOnnx } from "./read-onnx.ts";
import { isOrtFormat, readOrt } from "./read-ort.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-ort-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function convert(model: Uint8Array): Promise<Uint8Array> {
  const path = join(folder, "model.ort");
  const session = await InferenceSession.create(model, {
    graphOptimizationLevel: "disabled",
    optimizedModelFilePath: path,
    extra: { session: { save_model_format: "ORT" } },
  });
  await session.release();
  return new Uint8Array(readFileSync(path));
}

test("reads inputs, outputs, operators and labels of a converted model", async () => {
  const source = linearClassifier({ features: 3, labels: ["a", "b"], hasZipMap: false });
  const converted = await convert(source);
  expect(isOrtFormat(converted)).toBe(true);
  expect(isOrtFormat(source)).toBe(false);
  const [onnx, ort] = [readOnnx(source, 10), readOrt(converted, 10)];
  expect(ort.graph.inputs).toEqual(onnx.graph.inputs);
  expect(ort.graph.outputs).toEqual(onnx.graph.outputs);
  expect(ort.graph.nodes.map((each) => each.op)).toEqual(onnx.graph.nodes.map((each) => each.op));
  const labels = ort.graph.nodes[0]?.attribute("classlabels_strings")?.strings;
  expect(labels).toEqual(["a", "b"]);
  expect(ort).toMatchObject({ format: "ort", irVersion: 8, producerName: "skl2onnx" });
  expect(ort.modelVersion).toBe(0);
});

test("reads several inputs and the bodies of loops", async () => {
  const pair = readOrt(await convert(mixed()), 10);
  expect(pair.graph.inputs).toEqual(readOnnx(mixed(), 10).graph.inputs);
  const looped = readOrt(await convert(loop()), 10);
  expect(looped.graph.nodes[0]?.graphs[0]?.nodes.length).toBeGreaterThan(0);
  expect(looped.nodeCount).toBe(readOnnx(loop(), 10).nodeCount);
});

test("refuses a cut file and one over the node limit", async () => {
  const converted = await convert(loop());
  expect(() => readOrt(converted.subarray(0, 200), 10)).toThrow(/not a readable ONNX model/);
  expect(() => readOrt(converted, 2)).toThrow(/more than 2 nodes/);
});
