// Goal: everything about a model but its weights is read, and no file can make reading costly.
// Method: models written by tools/onnx, and messages written by hand where the writer is too tame.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";
import { tensorValue, writeModel } from "../../../../tools/onnx/builder.ts";
import { linearClassifier } from "../../../../tools/onnx/learners.ts";
import { loop } from "../../../../tools/onnx/loads.ts";
import type { GraphSource, ModelSource } from "../../../../tools/onnx/model-source.ts";
import { readOnnx } from "./read-onnx.ts";

const relu = { op: "Relu", inputs: ["x"], outputs: ["y"] };
const plain: ModelSource = {
  nodes: [relu],
  inputs: [tensorValue("x", "FP32", ["batch", 3, null])],
  outputs: [tensorValue("y", "FP32")],
};

test("reads what a model says about itself", () => {
  const model = readOnnx(
    writeModel({
      ...plain,
      producer: ["maker", "1.2"],
      domain: "org.example",
      modelVersion: 7,
      doc: "what it is for",
      metadata: { owner: "growth", "": "empty key" },
      opsets: { "": 17, "ai.onnx.ml": 3 },
      irVersion: 9,
    }),
    10,
  );
  expect(model).toMatchObject({
    format: "onnx",
    irVersion: 9,
    producerName: "maker",
    producerVersion: "1.2",
    domain: "org.example",
    modelVersion: 7,
    doc: "what it is for",
    nodeCount: 1,
  });
  expect([...model.metadata]).toEqual([
    ["owner", "growth"],
    ["", "empty key"],
  ]);
  expect([...model.opsets]).toEqual([
    ["", 17],
    ["ai.onnx.ml", 3],
  ]);
});

test("reads declared types: sizes, names, unknown sizes, unknown rank, kinds", () => {
  const source: ModelSource = {
    ...plain,
    outputs: [
      tensorValue("rank unknown", "FP32"),
      tensorValue("scalar", "BOOL", []),
      tensorValue("negative", "FP32", [-1, 0]),
      { name: "list", type: { sequence: { map: ["INT64", { tensor: "FP32" }] } } },
      { name: "maybe", type: { optional: { tensor: "FP32" } } },
      { name: "sparse", type: { sparse: "FP32", shape: [3] } },
      { name: "untyped", type: undefined },
    ],
  };
  const { graph } = readOnnx(writeModel(source), 10);
  expect(graph.inputs).toEqual([
    { name: "x", type: { kind: "tensor", elementType: 1, shape: ["batch", 3, undefined] } },
  ]);
  expect(graph.outputs.map((each) => each.type)).toEqual([
    { kind: "tensor", elementType: 1, shape: undefined },
    { kind: "tensor", elementType: 9, shape: [] },
    { kind: "tensor", elementType: 1, shape: [undefined, 0] },
    { kind: "sequence" },
    { kind: "optional" },
    { kind: "sparse tensor" },
    undefined,
  ]);
});

test("reads attributes by name and notes tensors wherever they hide", () => {
  const classifier = readOnnx(
    linearClassifier({ features: 2, labels: [3, 5], hasZipMap: true }),
    10,
  );
  const node = classifier.graph.nodes[0];
  expect(node?.attribute("classlabels_ints")?.ints).toEqual([3n, 5n]);
  expect(node?.attribute("post_transform")?.string).toBe("SOFTMAX");
  expect(node?.attribute("absent")).toBeUndefined();

  const hidden = { name: "hidden", type: "INT64", shape: [2], values: [4, 6] } as const;
  const constant = {
    op: "Constant",
    inputs: [],
    outputs: ["c"],
    attributes: { value: { tensor: hidden } },
  };
  const model = readOnnx(writeModel({ ...plain, nodes: [relu, constant] }), 10);
  expect(model.tensors.map((each) => each.name)).toEqual(["hidden"]);
  expect(model.graph.nodes[1]?.attribute("value")?.tensor?.elements()).toEqual([4n, 6n]);
});

test("reads the bodies of loops and counts their nodes", () => {
  const model = readOnnx(loop(), 10);
  expect(model.graph.nodes[0]?.graphs[0]?.nodes.map((each) => each.op)).toEqual([
    "Identity",
    "Add",
  ]);
  expect(model.nodeCount).toBe(3);
  expect(model.tensors.map((each) => each.name)).toEqual(["one", "yes"]);
});

test("lets in modelNodesMax nodes and not one more", () => {
  const source = (count: number) =>
    writeModel({ ...plain, nodes: Array.from({ length: count }, () => relu) });
  expect(readOnnx(source(9), 10).nodeCount).toBe(9);
  expect(readOnnx(source(10), 10).nodeCount).toBe(10);
  expect(() => readOnnx(source(11), 10)).toThrow(/more than 10 nodes.*modelNodesMax/);
});

test("refuses a graph nested deeper than thirty bodies", () => {
  const nested = (depth: number): GraphSource =>
    depth === 0
      ? { nodes: [relu], inputs: [], outputs: [] }
      : {
          nodes: [
            { op: "If", inputs: [], outputs: [], attributes: { b: { graph: nested(depth - 1) } } },
          ],
          inputs: [],
          outputs: [],
        };
  expect(readOnnx(writeModel(nested(30)), 100).nodeCount).toBe(31);
  expect(() => readOnnx(writeModel(nested(31)), 100)).toThrow(/nested more than 30 deep/);
});

test("refuses a file of countless small parts", () => {
  const inputs = Array.from({ length: 500 }, (_, index) => tensorValue(`x${index}`, "FP32", []));
  expect(() => readOnnx(writeModel({ ...plain, inputs }), 10)).toThrow(/more than 400 tensors/);
});

test("refuses two graphs, because protobuf would join them after the check", () => {
  const once = writeModel(plain);
  const twice = new BinaryWriter().raw(once).raw(once).finish();
  expect(() => readOnnx(twice, 10)).toThrow(/not a readable ONNX model/);
});

test("takes an external tensor for external whichever of its two marks is there", () => {
  const external = [["location", "w.bin"]] as const;
  const initializers = [{ name: "w", type: "FP32", shape: [1], external }] as const;
  const bytes = writeModel({ ...plain, initializers });
  // Field 14 of the TensorProto, data_location = EXTERNAL: 0x70 0x01. 0x70 0x00 is DEFAULT.
  const at = Buffer.from(bytes).indexOf(Buffer.from([0x70, 0x01]));
  bytes[at + 1] = 0;
  expect(readOnnx(bytes, 10).tensors[0]?.isExternal).toBe(true);
});

test("skips fields it does not know, groups and wrong wire types", () => {
  const strange = new BinaryWriter()
    .tag(99, WireType.LengthDelimited)
    .string("later")
    .tag(98, WireType.StartGroup)
    .tag(97, WireType.EndGroup)
    .finish();
  expect(() =>
    readOnnx(new BinaryWriter().raw(writeModel(plain)).raw(strange).finish(), 10),
  ).toThrow(/not a readable/);
  const known = new BinaryWriter()
    .tag(99, WireType.LengthDelimited)
    .string("later")
    .tag(1, WireType.LengthDelimited)
    .string("a string where a number belongs")
    .raw(writeModel(plain))
    .finish();
  expect(readOnnx(known, 10).irVersion).toBe(8);
});
