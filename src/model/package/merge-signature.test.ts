// Goal: what a manifest adds to a signature holds afterwards, and what contradicts the artifact is
// refused with line and key. Method: one artifact, one manifest a case.
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import type { Dtype } from "../../tensor/index.ts";
import type { InputSpec, OutputSpec, Signature } from "../signature.ts";
import { readManifest } from "./manifest/read-manifest.ts";
import { mergeSignature } from "./merge-signature.ts";

function input(name: string, dtype: Dtype, shape: readonly number[]): InputSpec {
  const none = { min: undefined, max: undefined, lengthMin: undefined, lengthMax: undefined };
  const dimNames = shape.map(() => undefined);
  return {
    name,
    dtype,
    shape,
    dimNames,
    isOptional: false,
    columns: undefined,
    steps: [],
    ...none,
  };
}

function output(name: string, dtype: Dtype, shape: readonly number[]): OutputSpec {
  const dimNames = shape.map(() => undefined);
  return { name, dtype, shape, dimNames, role: "other", labels: undefined };
}

const artifact: Signature = {
  inputs: [
    input("features", "FP32", [-1, 2]),
    input("open", "INT32", [-1, -1]),
    input("text", "BYTES", [-1, 1]),
    input("half", "FP16", [-1, 2]),
    input("__weird.name", "FP64", [-1, 2, 2]),
  ],
  outputs: [output("label", "INT64", [-1]), output("scores", "FP32", [-1, 3])],
  layout: { kind: "dynamic" },
};

function merge(text: string): Signature | string {
  try {
    return mergeSignature(artifact, readManifest(Buffer.from(text), "model.yaml"));
  } catch (thrown) {
    if (ServingError.is(thrown) && thrown.code === "MODEL_INVALID") return thrown.message;
    throw thrown;
  }
}

function merged(text: string): Signature {
  const signature = merge(text);
  if (typeof signature === "string") throw new Error(signature);
  return signature;
}

test("leaves the artifact's signature as it is when nothing is said", () => {
  expect(merged("")).toEqual(artifact);
});

test("adds columns, rules, roles and labels, and freezes the result", () => {
  const signature = merged(`
inputs:
  features: { columns: [{ name: a, min: 0 }, { name: b, dtype: INT8, default: 3 }], max: 9 }
  text: { steps: [trim, lowercase], lengthMin: 1, lengthMax: 5000 }
outputs:
  label: { role: prediction }
  scores: { labels: [a, 7, "8"] }
`);
  expect(signature.inputs[0]).toMatchObject({
    max: 9,
    columns: [
      { name: "a", dtype: "FP32", min: 0, max: undefined, default: undefined },
      { name: "b", dtype: "INT8", min: undefined, max: undefined, default: 3 },
    ],
  });
  expect(signature.inputs[2]).toMatchObject({ steps: ["trim", "lowercase"], lengthMax: 5000 });
  expect(signature.outputs[0]?.role).toBe("prediction");
  expect(signature.outputs[1]).toMatchObject({ role: "probability", labels: ["a", 7n, "8"] });
  expect(Object.isFrozen(signature.inputs[0]?.columns?.[0])).toBe(true);
  expect(Object.isFrozen(signature.outputs)).toBe(true);
});

test("columns fix a last dimension that the artifact leaves open", () => {
  const signature = merged(
    "inputs: { open: { columns: [{ name: a }, { name: b }, { name: c }] } }",
  );
  expect(signature.inputs[1]?.shape).toEqual([-1, 3]);
  expect(artifact.inputs[1]?.shape).toEqual([-1, -1]);
});

test.each([
  ["an input that is not there", "inputs: { feature: { min: 0 } }"],
  ["an output that is not there", "outputs: { probs: {} }"],
  ["too few columns", "inputs: { features: { columns: [{ name: a }] } }"],
  ["columns on three dimensions", "inputs: { __weird.name: { columns: [{ name: a }] } }"],
  ["columns on half floats", "inputs: { half: { columns: [{ name: a }, { name: b }] } }"],
  ["a column twice", "inputs: { features: { columns: [{ name: a }, { name: a }] } }"],
  ["fractions in an integer tensor", "inputs: { open: { columns: [{ name: a, dtype: FP32 }] } }"],
  ["a wider integer", "inputs: { open: { columns: [{ name: a, dtype: UINT32 }] } }"],
  ["a default outside", "inputs: { open: { columns: [{ name: a, max: 3, default: 4 }] } }"],
  ["a fraction as default", "inputs: { open: { columns: [{ name: a, default: 0.5 }] } }"],
  ["bounds the wrong way round", "inputs: { features: { min: 2, max: 1 } }"],
  ["a text rule on numbers", "inputs: { features: { lengthMax: 3, steps: [trim] } }"],
  ["a number rule on text", "inputs: { text: { min: 3 } }"],
  ["a wrong number of labels", "outputs: { scores: { labels: [a, b] } }"],
  ["labels on a prediction", "outputs: { label: { role: prediction, labels: [a, b] } }"],
])("refuses %s", (_name, text) => {
  expect(merge(text)).toMatchSnapshot();
});

test("reports every contradiction at once", () => {
  const text = "inputs:\n  feature: {}\n  text: { max: 1 }\noutputs:\n  scores: { labels: [a] }\n";
  expect(String(merge(text)).split("\n")).toHaveLength(3);
});
