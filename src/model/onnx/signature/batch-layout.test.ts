// Goal: requests share a run only where the declared shapes say that the first dimension is the
// item dimension. Method: a table of shapes.
import { expect, test } from "vitest";
import type { TensorSpec } from "../../signature.ts";
import { batchLayoutOf } from "./batch-layout.ts";

type Dim = number | string | null;

function spec(name: string, dims: readonly Dim[]): TensorSpec {
  return {
    name,
    dtype: "FP32",
    shape: dims.map((each) => (typeof each === "number" ? each : -1)),
    dimNames: dims.map((each) => (typeof each === "string" ? each : undefined)),
  };
}

function layout(inputs: readonly (readonly Dim[])[], outputs: readonly (readonly Dim[])[]) {
  return batchLayoutOf(
    inputs.map((each, index) => spec(`x${index}`, each)),
    outputs.map((each, index) => spec(`y${index}`, each)),
  );
}

test.each([
  ["one name everywhere", [["batch", 3]], [["batch"]]],
  ["no names at all", [[null, 3], [null]], [[null, 2]]],
  ["a name and none", [["batch", 3]], [[null, 2]]],
  ["names that TensorFlow's exporter counts up", [["unk__6", 3]], [["unk__7", 1]]],
  ["names that PyTorch's exporter makes of nodes", [["batch", 3]], [["Gemmoutput_dim_0", 1]]],
  ["other names for inner dimensions", [["batch", "length"]], [["batch", "classes"]]],
])("is dynamic for %s", (_, inputs, outputs) => {
  expect(layout(inputs, outputs)).toEqual({ kind: "dynamic" });
});

test("is fixed when every first dimension is the same number", () => {
  expect(layout([[1, 5]], [[1]])).toEqual({ kind: "fixed", items: 1 });
  expect(layout([[8, 5], [8]], [[8, 2]])).toEqual({ kind: "fixed", items: 8 });
});

test.each([
  ["no input", [], [[null]], "the model takes no input"],
  ["a scalar input", [[null, 2], []], [[null]], "'x1' is a scalar"],
  ["a scalar output", [[null, 2]], [[]], "'y0' is a scalar"],
  ["two names", [["a", 2]], [["b"]], "first dimensions differ: 'a' of 'x0' and 'b' of 'y0'"],
  ["a number and a name", [[2, 2]], [["b"]], "first dimensions differ: 2 of 'x0' and 'b' of 'y0'"],
  ["two numbers", [[2, 2]], [[4]], "first dimensions differ: 2 of 'x0' and 4 of 'y0'"],
  ["a number and none", [[null]], [[1]], "first dimensions differ: 1 of 'y0' and any of 'x0'"],
  ["zero", [[0, 2]], [[0]], "the first dimension of 'x0' is 0"],
  ["a square", [["n", "n"]], [["n"]], "the first dimension 'n' is also an inner dimension of 'x0'"],
])("runs requests alone for %s and says why", (_, inputs, outputs, reason) => {
  expect(layout(inputs, outputs)).toEqual({ kind: "none", reason });
});
