// Goal: the signature says what callers may send, what they get and what it means.
// Method: models in the forms that exporters give them, written by tools/onnx.
import { expect, test } from "vitest";
import { tensorValue, writeModel } from "../../../../tools/onnx/builder.ts";
import { linearClassifier, mlp, treeEnsemble } from "../../../../tools/onnx/learners.ts";
import type { ModelSource } from "../../../../tools/onnx/model-source.ts";
import { constant, identity, mixed, scalar, total } from "../../../../tools/onnx/models.ts";
import { readOnnx } from "../read/read-onnx.ts";
import { deriveSignature } from "./derive-signature.ts";

function derive(bytes: Uint8Array) {
  return deriveSignature(readOnnx(bytes, 1000));
}

/** `name: DTYPE[shape] role labels` of every output. */
function outputsOf(bytes: Uint8Array): readonly string[] {
  return derive(bytes).signature.outputs.map((each) => {
    const labels = each.labels === undefined ? "" : ` ${each.labels.join("|")}`;
    return `${each.name}: ${each.dtype}[${each.shape}] ${each.role}${labels}`;
  });
}

const ml = "ai.onnx.ml";
const rows = tensorValue("x", "FP32", ["batch", 3]);

function single(op: string, outputs: ModelSource["outputs"], domain = ""): Uint8Array {
  const names = outputs.map((each) => each.name);
  return writeModel({
    nodes: [{ op, domain, inputs: ["x"], outputs: names }],
    inputs: [rows],
    outputs,
  });
}

test("keeps names, dtypes, sizes and the names of dimensions", () => {
  const { inputs, layout } = derive(identity("INT64", ["batch", 5, null])).signature;
  expect(inputs).toEqual([
    {
      name: "x",
      dtype: "INT64",
      shape: [-1, 5, -1],
      dimNames: ["batch", undefined, undefined],
      isOptional: false,
      columns: undefined,
      min: undefined,
      max: undefined,
      lengthMin: undefined,
      lengthMax: undefined,
      steps: [],
    },
  ]);
  expect(layout).toEqual({ kind: "dynamic" });
  expect(derive(scalar()).signature.layout.kind).toBe("none");
  expect(derive(constant()).signature.inputs).toEqual([]);
  expect(derive(total()).signature.layout.kind).toBe("none");
  expect(derive(mixed()).signature.inputs.map((each) => each.dtype)).toEqual(["BYTES", "INT64"]);
});

test("offers a ZipMap's scores under its name, with the labels in their order", () => {
  const whole = { features: 4, labels: [7, 8, 9], hasZipMap: true };
  expect(outputsOf(linearClassifier(whole))).toEqual([
    "label: INT64[-1] prediction",
    "probabilities: FP32[-1,3] probability 7|8|9",
  ]);
  const text = { features: 4, labels: ["no", "yes"], hasZipMap: true };
  expect(outputsOf(linearClassifier(text))).toEqual([
    "label: BYTES[-1] prediction",
    "probabilities: FP32[-1,2] probability no|yes",
  ]);
  expect(derive(linearClassifier(text)).zipMaps).toEqual([
    { output: "probabilities", scores: "proba", labels: ["no", "yes"] },
  ]);
});

test("finds the labels without a ZipMap in the classifier", () => {
  const shape = { features: 4, labels: ["no", "yes"], hasZipMap: false };
  const expected = ["label: BYTES[-1] prediction", "probabilities: FP32[-1,2] probability no|yes"];
  expect(outputsOf(linearClassifier(shape))).toEqual(expected);
  expect(outputsOf(treeEnsemble({ ...shape, trees: 2, depth: 2 }))).toEqual(expected);
});

test("finds the labels in the constant that ArgMax picks from", () => {
  const bytes = writeModel({
    nodes: [
      { op: "Softmax", inputs: ["x"], outputs: ["scores"] },
      { op: "ArgMax", inputs: ["scores"], outputs: ["best"] },
      { op: "ArrayFeatureExtractor", domain: ml, inputs: ["classes", "best"], outputs: ["picked"] },
      { op: "Cast", inputs: ["picked"], outputs: ["label"] },
    ],
    inputs: [rows],
    outputs: [tensorValue("label", "INT64", [null]), tensorValue("scores", "FP32", [null, 3])],
    initializers: [
      { name: "classes", type: "INT64", shape: [3], values: BigInt64Array.of(4n, 5n, 6n) },
    ],
  });
  expect(outputsOf(bytes)).toEqual([
    "label: INT64[-1] prediction",
    "scores: FP32[-1,3] probability 4|5|6",
  ]);
});

test("takes one number of a regressor or network for the prediction, and no more", () => {
  const regressor = single("LinearRegressor", [tensorValue("y", "FP32", [null, 1])], ml);
  expect(outputsOf(regressor)).toEqual(["y: FP32[-1,1] prediction"]);
  expect(outputsOf(mlp([3, 1]))).toEqual(["y: FP32[-1,1] prediction"]);
  expect(outputsOf(mlp([3, 2]))).toEqual(["y: FP32[-1,2] other"]);
  const softmax = single("Softmax", [tensorValue("y", "FP32", [null, 3])]);
  expect(outputsOf(softmax)).toEqual(["y: FP32[-1,3] probability"]);
  const sigmoid = single("Sigmoid", [tensorValue("y", "FP32", [null, 3])]);
  expect(outputsOf(sigmoid)).toEqual(["y: FP32[-1,3] other"]);
});

test("reads a label declared as [1] beside open inputs as one label an item", () => {
  const outputs = [tensorValue("label", "INT64", [1]), tensorValue("p", "FP32", [null, 2])];
  const { signature, warnings } = derive(single("LinearClassifier", outputs, ml));
  expect(signature.outputs[0]?.shape).toEqual([-1]);
  expect(signature.layout).toEqual({ kind: "dynamic" });
  expect(warnings).toEqual(["output 'label' is declared as [1] and read as one label an item"]);
});

test("does not offer an input that has a default in the file", () => {
  const source: ModelSource = {
    nodes: [{ op: "Add", inputs: ["x", "bias"], outputs: ["y"] }],
    inputs: [rows, tensorValue("bias", "FP32", [1])],
    outputs: [tensorValue("y", "FP32", ["batch", 3])],
    initializers: [{ name: "bias", type: "FP32", shape: [1], values: [1] }],
  };
  const { signature, warnings } = derive(writeModel(source));
  expect(signature.inputs.map((each) => each.name)).toEqual(["x"]);
  expect(warnings).toEqual(["input 'bias' has a default in the file and is not offered"]);
  expect(derive(writeModel({ ...source, irVersion: 3 })).warnings).toEqual([]);
});

test("drops outputs that are no tensors while another one is left", () => {
  const list = { name: "list", type: { sequence: { tensor: "FP32" } } } as const;
  const { signature, warnings } = derive(single("Op", [tensorValue("y", "FP32", ["batch"]), list]));
  expect(signature.outputs.map((each) => each.name)).toEqual(["y"]);
  expect(warnings).toEqual([
    "output 'list' is of kind sequence, which cannot be returned, and is not offered",
  ]);
  expect(() => derive(single("Op", [list]))).toThrow(
    "output 'list' is of kind sequence and no other output is a tensor; " +
      "export the model with tensor outputs",
  );
});

test("keeps a ZipMap whose maps are used inside the graph for what it is", () => {
  const source = linearClassifier({ features: 2, labels: [0, 1], hasZipMap: true });
  const model = readOnnx(source, 10);
  const user = { ...model.graph.nodes[0], inputs: ["probabilities"], outputs: ["used"] };
  const node = {
    op: "SequenceLength",
    domain: "",
    name: "",
    graphs: [],
    attribute: () => undefined,
  };
  const nodes = [...model.graph.nodes, { ...node, inputs: user.inputs, outputs: user.outputs }];
  const derived = deriveSignature({ ...model, graph: { ...model.graph, nodes } });
  expect(derived.zipMaps).toEqual([]);
  expect(derived.signature.outputs.map((each) => each.name)).toEqual(["label"]);
});

test.each([
  ["bfloat16 in", identity(16, [1]), "input 'x' is bfloat16, which the engine cannot exchange"],
  ["float8 in", identity(17, [1]), "input 'x' is float8e4m3fn"],
  ["int4 in", identity(22, [1]), "input 'x' is int4"],
  ["no such type", identity(0, [1]), "input 'x' is element type 0"],
  ["bfloat16 out", single("Cast", [tensorValue("y", 16, [1])]), "output 'y' is bfloat16"],
  ["a name that is no property", single("Relu", [tensorValue("__proto__", "FP32", [1])]), "called"],
  ["no outputs", single("Relu", []), "the graph has no outputs"],
  ["no type", single("Relu", [{ name: "y", type: undefined }]), "output 'y' declares no type"],
  ["no shape", writeModel({ nodes: [], inputs: [tensorValue("x", "FP32")], outputs: [] }), "shape"],
  [
    "a map in",
    writeModel({
      nodes: [],
      inputs: [{ name: "m", type: { map: ["BYTES", { tensor: "FP32" }] } }],
      outputs: [],
    }),
    "input 'm' is of kind map, and only tensors can be sent",
  ],
])("refuses %s", (_, bytes, message) => {
  expect(() => derive(bytes)).toThrow(message);
});

test("shows an output of unknown rank as one of any length and warns", () => {
  const { signature, warnings } = derive(single("Relu", [tensorValue("y", "FP32")]));
  expect(signature.outputs[0]?.shape).toEqual([-1]);
  expect(warnings).toHaveLength(1);
});
