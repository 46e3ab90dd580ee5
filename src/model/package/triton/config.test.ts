// Goal: a Triton configuration has the effect its author wrote it for, and says what has none.
// Method: the keys by hand against one artifact; limits and contradictions one by one.
import { expect, test } from "vitest";
import { ServingError } from "../../../base/index.ts";
import type { Dtype } from "../../../tensor/index.ts";
import type { Signature, TensorSpec } from "../../signature.ts";
import { applyTritonConfig } from "./apply-config.ts";
import { readTritonConfig } from "./read-config.ts";

function spec(name: string, dtype: Dtype, shape: readonly number[]): TensorSpec {
  return { name, dtype, shape, dimNames: shape.map(() => undefined) };
}

const none = { min: undefined, max: undefined, lengthMin: undefined, lengthMax: undefined };
const noRules = { isOptional: false, columns: undefined, steps: [], ...none };

const artifact: Signature = {
  inputs: [
    { ...spec("x", "FP32", [-1, 4]), ...noRules },
    { ...spec("open", "INT64", [-1, -1]), ...noRules },
  ],
  outputs: [{ ...spec("y", "FP32", [-1, 3]), role: "other", labels: undefined }],
  layout: { kind: "dynamic" },
};

function read(text: string) {
  return readTritonConfig(Buffer.from(text));
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (ServingError.is(thrown) && thrown.code === "MODEL_INVALID") return thrown.message;
    throw thrown;
  }
  return "let in";
}

function apply(text: string, labels: readonly (readonly [string, readonly string[]])[] = []) {
  return applyTritonConfig(artifact, read(text), new Map(labels));
}

test("reads every key that means something here", () => {
  const config = read(`
name: "m" platform: "onnxruntime_onnx" max_batch_size: 0x10 default_model_filename: "net.onnx"
input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 2, 2 ] } }
output [ { name: "y" data_type: TYPE_STRING dims: 3 label_filename: "labels.txt" } ]
dynamic_batching { max_queue_delay_microseconds: 1500 preserve_ordering: true }
instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_AUTO } ]
version_policy: { specific { versions: [ 1, 3 ] } }
parameters { key: "a" value: { string_value: "b" } }
`);
  expect(config).toMatchObject({
    name: "m",
    itemsMax: 16,
    artifact: "net.onnx",
    inputs: [{ name: "x", dtype: "FP32", dims: [4], reshape: [2, 2] }],
    outputs: [{ name: "y", dtype: "BYTES", dims: [3], labelFile: "labels.txt" }],
    delayMsMax: 1.5,
    instances: 3,
    versionPolicy: { kind: "specific", versions: ["1", "3"] },
    warnings: [],
  });
  expect(config.parameters.get("a")).toBe("b");
});

test("serves the latest version unless a policy says otherwise", () => {
  expect(read("").versionPolicy).toEqual({ kind: "latest", count: 1 });
  expect(read("version_policy { latest { num_versions: 2 } }").versionPolicy.kind).toBe("latest");
  expect(read("version_policy { all { } }").versionPolicy).toEqual({ kind: "all" });
});

test("warns of what is known but not done, and of keys it does not know", () => {
  const { warnings, delayMsMax } = read(`
sequence_batching { max_sequence_idle_microseconds: 5 }
dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 5000000 }
instance_group { kind: KIND_GPU gpus: [ 0 ] }
optimization { graph { level: 1 } }
model_warmup { name: "w" }
`);
  expect(delayMsMax).toBe(1000);
  expect(warnings).toMatchSnapshot();
});

test.each([
  ["another backend", 'name: "m"\nbackend: "python"'],
  ["another platform", 'platform: "tensorrt_plan"'],
  ["an unknown datatype", 'input { name: "x" data_type: TYPE_FP23 }'],
  ["an input without a name", "input { dims: 1 }"],
  ["a string for a number", 'max_batch_size: "8"'],
  ["a fraction", "max_batch_size: 1.5"],
  ["a negative batch", "max_batch_size: -1"],
  ["a number for a message", "dynamic_batching: 3"],
  ["too many instances", "instance_group { count: 64 } instance_group { count: 1 }"],
])("refuses %s", (_name, text) => {
  expect(refusal(() => read(text))).toMatchSnapshot();
});

test("holds dims against the artifact, with and without the item dimension", () => {
  const inputs = 'input [{ name: "x" data_type: TYPE_FP32 dims: 4 }, { name: "open" dims: 7 }]';
  const batched = apply(`max_batch_size: 8 ${inputs}`);
  expect(batched.inputs.map((each) => each.shape)).toEqual([
    [-1, 4],
    [-1, 7],
  ]);
  expect(batched.layout).toEqual({ kind: "dynamic" });
  expect(apply(inputs).inputs[1]?.shape).toEqual([-1, 7]);
  const whole = apply('max_batch_size: 0 input { name: "x" dims: [ 2, 4 ] }');
  expect(whole.inputs[0]?.shape).toEqual([2, 4]);
  expect(whole.layout).toEqual({ kind: "none", reason: "config.pbtxt says max_batch_size 0" });
});

test.each([
  ["a wrong size", 'max_batch_size: 8 input { name: "x" dims: 5 }'],
  ["a wrong rank", 'max_batch_size: 8 input { name: "x" dims: [ -1, 4 ] }'],
  ["a wrong datatype", 'max_batch_size: 8 input { name: "x" data_type: TYPE_FP64 }'],
  ["an unknown input", 'max_batch_size: 8 input { name: "xx" dims: 4 }'],
  ["an unknown output", 'max_batch_size: 8 output { name: "z" }'],
  ["a wrong output datatype", 'output { name: "y" data_type: TYPE_INT8 }'],
])("refuses %s", (_name, text) => {
  expect(refusal(() => apply(text))).toMatchSnapshot();
});

test("gives an output the labels of its file, when they fit", () => {
  const text = 'max_batch_size: 8 output { name: "y" label_filename: "l.txt" }';
  expect(apply(text, [["y", ["a", "b", "c"]]]).outputs[0]?.labels).toEqual(["a", "b", "c"]);
  expect(refusal(() => apply(text, [["y", ["a", "b"]]]))).toBe(
    "config.pbtxt line 1: 'y': 2 labels in 'l.txt', expected 3",
  );
});
