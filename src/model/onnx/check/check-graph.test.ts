// Goal: a graph that the engine cannot load is refused with a line that says what to do.
// Method: one wrong model for each rule beside the nearest right one.
import { expect, test } from "vitest";
import { tensorValue, writeModel } from "../../../../tools/onnx/builder.ts";
import type { ModelSource, NodeSource } from "../../../../tools/onnx/model-source.ts";
import { readOnnx } from "../read/read-onnx.ts";
import { checkGraph } from "./check-graph.ts";

const relu: NodeSource = { op: "Relu", inputs: ["x"], outputs: ["y"] };
const plain: ModelSource = {
  nodes: [relu],
  inputs: [tensorValue("x", "FP32", [null])],
  outputs: [tensorValue("y", "FP32", [null])],
};

function check(source: Partial<ModelSource>, locales: readonly string[] = []): () => void {
  const model = readOnnx(writeModel({ ...plain, ...source }), 1000);
  const hasLocale = (name: string) => locales.includes(name);
  return () => checkGraph(model, { nodesMax: 1000, hasLocale });
}

test("wants an operator set between 1 and what the engine reads", () => {
  expect(check({ opsets: { "": 1 } })).not.toThrow();
  expect(check({ opsets: { "": 26, "ai.onnx.ml": 5 } })).not.toThrow();
  expect(check({ opsets: { "": 27 } })).toThrow(
    "the model uses opset 27 of ai.onnx, and the engine reads up to 26; " +
      "export with target_opset=26 or lower",
  );
  expect(check({ opsets: { "ai.onnx.ml": 6 } })).toThrow("opset 6 of ai.onnx.ml");
  expect(check({ opsets: { "": 0 } })).toThrow("opsets begin at 1");
  expect(check({ opsets: {} })).toThrow("imports no operator set");
  expect(check({ opsets: { "": 17, elsewhere: 900 } })).not.toThrow();
});

test("wants an IR version that the engine reads", () => {
  expect(check({ irVersion: 13 })).not.toThrow();
  expect(check({ irVersion: 14 })).toThrow("IR version 14, and the engine reads up to 13");
});

test("refuses operators of unknown domains, also in bodies, but not local functions", () => {
  const custom: NodeSource = { op: "Foo", domain: "test", name: "n1", inputs: [], outputs: [] };
  const message = "operator 'test:Foo' of node 'n1' is a custom operator";
  expect(check({ nodes: [relu, custom] })).toThrow(message);
  const body = { nodes: [custom], inputs: [], outputs: [] };
  const loop = { op: "If", inputs: [], outputs: [], attributes: { b: { graph: body } } };
  expect(check({ nodes: [relu, loop] })).toThrow(message);
  const local = { domain: "test", name: "Foo", inputs: [], outputs: [], nodes: [], opsets: {} };
  expect(check({ nodes: [relu, custom], functions: [local] })).not.toThrow();
  const gelu = { ...custom, op: "Gelu", domain: "com.microsoft" };
  expect(check({ nodes: [gelu] })).not.toThrow();
  const extension = { ...custom, op: "StringUpper", domain: "ai.onnx.contrib" };
  expect(check({ nodes: [extension] })).toThrow("needs onnxruntime-extensions");
});

test("refuses functions that call each other in a circle or grow beyond the node limit", () => {
  const calling = (name: string, callee: string, times = 1) => ({
    domain: "f",
    name,
    inputs: [],
    outputs: [],
    opsets: {},
    nodes: Array.from({ length: times }, () => ({
      op: callee,
      domain: callee === "Relu" ? "" : "f",
      inputs: [],
      outputs: [],
    })),
  });
  const first: NodeSource = { op: "A", domain: "f", inputs: [], outputs: [] };
  const circle = [calling("A", "B"), calling("B", "A")];
  expect(check({ nodes: [first], functions: circle })).toThrow("calls itself or more than");
  const names = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "Relu"];
  const doubling = names.slice(0, 10).map((name, i) => calling(name, names[i + 1] ?? "", 2));
  expect(check({ nodes: [first], functions: doubling })).toThrow(
    "after its functions are expanded",
  );
  expect(check({ nodes: [first], functions: doubling.slice(1) })).toThrow("custom operator");
  const small = [calling("A", "Relu", 999)];
  expect(() => check({ nodes: [first], functions: small })()).not.toThrow();
});

test.each([
  [{ case_change_action: { string: "LOWER" } }, true],
  [{ case_change_action: { string: "NONE" } }, false],
  [{ stopwords: { strings: ["a"] } }, true],
  [{ stopwords: { strings: ["a"] }, is_case_sensitive: { int: 1 } }, false],
  [{}, false],
])("knows whether StringNormalizer %j needs a locale", (attributes, isNeeded) => {
  const node: NodeSource = { op: "StringNormalizer", inputs: ["x"], outputs: ["y"], attributes };
  const message = "operator StringNormalizer needs the locale 'en_US.UTF-8'";
  if (isNeeded) expect(check({ nodes: [node] })).toThrow(message);
  else expect(check({ nodes: [node] })).not.toThrow();
  expect(check({ nodes: [node] }, ["en_US.UTF-8"])).not.toThrow();
});

test("asks for the locale that the operator names", () => {
  const attributes = { case_change_action: { string: "UPPER" }, locale: { string: "de_DE.UTF-8" } };
  const node: NodeSource = { op: "StringNormalizer", inputs: ["x"], outputs: ["y"], attributes };
  expect(check({ nodes: [node] }, ["en_US.UTF-8"])).toThrow("the locale 'de_DE.UTF-8'");
});

test("refuses names that are there twice", () => {
  const twice = [tensorValue("y", "FP32", [1]), tensorValue("y", "FP32", [1])];
  expect(check({ outputs: twice })).toThrow("output 'y' is there twice");
  expect(check({ inputs: twice })).toThrow("input 'y' is there twice");
  const w = { name: "w", type: "FP32", shape: [1], values: [1] } as const;
  expect(check({ initializers: [w, w] })).toThrow("initializer 'w' is there twice");
});

test("refuses a tensor whose bytes do not fit its shape", () => {
  const tensor = (shape: readonly number[]) => ({
    initializers: [{ name: "w", type: "FP32", shape, values: Float32Array.of(1, 2) } as const],
  });
  expect(check(tensor([2]))).not.toThrow();
  expect(check(tensor([3]))).toThrow("tensor 'w' holds 8 bytes, and its shape [3] needs 12");
  expect(check(tensor([1e15]))).toThrow("needs 4000000000000000");
  expect(check(tensor([-1]))).toThrow("negative dimension -1");
});
