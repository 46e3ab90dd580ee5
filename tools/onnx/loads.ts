/**
 * Models that take long, fail for one row or end their process: what isolation is tested with.
 *
 * The engine offers no cancel, so a Loop whose count is an input runs as long as it is told to.
 * Invariant: each works for small values, so that a probe with zeros or ones passes.
 */
import { tensorValue, writeModel } from "./builder.ts";
import type { GraphSource, TensorSource } from "./model-source.ts";

/** A Loop body that counts and carries one FP32 tensor of unknown shape on, through `nodes`. */
function loopBody(
  nodes: GraphSource["nodes"],
  initializers?: readonly TensorSource[],
): GraphSource {
  return {
    name: "body",
    nodes: [{ op: "Identity", inputs: ["go_in"], outputs: ["go_out"] }, ...nodes],
    inputs: [
      tensorValue("step", "INT64", []),
      tensorValue("go_in", "BOOL", []),
      tensorValue("carried_in", "FP32"),
    ],
    outputs: [tensorValue("go_out", "BOOL", []), tensorValue("carried_out", "FP32")],
    initializers: initializers ?? [],
  };
}

const one: TensorSource = { name: "one", type: "FP32", shape: [], values: [1] };
const yes: TensorSource = { name: "yes", type: "BOOL", shape: [], values: [1] };

/** INT64 `iterations []` and FP32 `x []` in; `y = x + iterations` out, one step at a time. */
export function loop(): Uint8Array {
  const body = loopBody(
    [{ op: "Add", inputs: ["carried_in", "one"], outputs: ["carried_out"] }],
    [one],
  );
  return writeModel({
    nodes: [
      {
        op: "Loop",
        inputs: ["iterations", "yes", "x"],
        outputs: ["y"],
        attributes: { body: { graph: body } },
      },
    ],
    inputs: [tensorValue("iterations", "INT64", []), tensorValue("x", "FP32", [])],
    outputs: [tensorValue("y", "FP32", [])],
    initializers: [yes],
  });
}

/**
 * A batchable model that one row can slow down: FP32 `x [batch, 1]` in and out unchanged, after as
 * many steps as the largest element says (about 1 us each).
 */
export function slowRows(): Uint8Array {
  const body = loopBody(
    [{ op: "Add", inputs: ["carried_in", "one"], outputs: ["carried_out"] }],
    [one],
  );
  const flat = { keepdims: { int: 0 } };
  return writeModel({
    nodes: [
      { op: "ReduceMax", inputs: ["x"], outputs: ["most"], attributes: flat },
      { op: "Cast", inputs: ["most"], outputs: ["steps"], attributes: { to: { int: 7 } } },
      {
        op: "Loop",
        inputs: ["steps", "yes", "zero"],
        outputs: ["counted"],
        attributes: { body: { graph: body } },
      },
      { op: "Mul", inputs: ["counted", "zero"], outputs: ["nothing"] },
      { op: "Add", inputs: ["x", "nothing"], outputs: ["y"] },
    ],
    inputs: [tensorValue("x", "FP32", ["batch", 1])],
    outputs: [tensorValue("y", "FP32", ["batch", 1])],
    initializers: [yes, { name: "zero", type: "FP32", shape: [], values: [0] }],
  });
}

const side = 128;

/**
 * Burns CPU: FP32 `x [batch, 4]` in and out unchanged, after `steps` products of two 128 x 128
 * matrices (4.2 million floating-point operations each), whatever the batch and the values.
 */
export function sleepy(steps: number): Uint8Array {
  const product = { op: "MatMul", inputs: ["carried_in", "turn"], outputs: ["carried_out"] };
  const identityMatrix = Float32Array.from({ length: side * side }, (_, index) =>
    index % (side + 1) === 0 ? 1 : 0,
  );
  return writeModel({
    nodes: [
      { op: "ReduceSum", inputs: ["x"], outputs: ["sum"], attributes: { keepdims: { int: 0 } } },
      { op: "Mul", inputs: ["sum", "zero"], outputs: ["nothing"] },
      { op: "Add", inputs: ["turn", "nothing"], outputs: ["start"] },
      {
        op: "Loop",
        inputs: ["steps", "yes", "start"],
        outputs: ["end"],
        attributes: { body: { graph: loopBody([product]) } },
      },
      {
        op: "ReduceSum",
        inputs: ["end"],
        outputs: ["ended"],
        attributes: { keepdims: { int: 0 } },
      },
      { op: "Mul", inputs: ["ended", "zero"], outputs: ["spent"] },
      { op: "Add", inputs: ["x", "spent"], outputs: ["y"] },
    ],
    inputs: [tensorValue("x", "FP32", ["batch", 4])],
    outputs: [tensorValue("y", "FP32", ["batch", 4])],
    initializers: [
      yes,
      { name: "zero", type: "FP32", shape: [], values: [0] },
      { name: "steps", type: "INT64", shape: [], values: [steps] },
      { name: "turn", type: "FP32", shape: [side, side], values: identityMatrix },
    ],
  });
}

/**
 * One bad row fails the run of all: INT64 `index [batch, 1]` in, FP32 `value [batch, 1]` out
 * (10 times the index); an index over 9 or under -10 is an error of the engine.
 */
export function picky(): Uint8Array {
  return writeModel({
    nodes: [{ op: "Gather", inputs: ["table", "index"], outputs: ["value"] }],
    inputs: [tensorValue("index", "INT64", ["batch", 1])],
    outputs: [tensorValue("value", "FP32", ["batch", 1])],
    initializers: [
      { name: "table", type: "FP32", shape: [10], values: [0, 10, 20, 30, 40, 50, 60, 70, 80, 90] },
    ],
  });
}

/** The element that ends the process of `deadly`. */
export const deadlyElement = -(2 ** 31);

/**
 * Ends its process: INT32 `x [batch, 1]` in, `y = x / -1` out. The quotient of `deadlyElement` does
 * not fit, which is SIGFPE on x86-64 (other processors answer).
 */
export function deadly(): Uint8Array {
  return writeModel({
    nodes: [{ op: "Div", inputs: ["x", "minus"], outputs: ["y"] }],
    inputs: [tensorValue("x", "INT32", ["batch", 1])],
    outputs: [tensorValue("y", "INT32", ["batch", 1])],
    initializers: [{ name: "minus", type: "INT32", shape: [], values: [-1] }],
  });
}

/**
 * Ends the process that loads it, on x86-64: what `deadly` divides when it runs is divided here
 * while the engine folds constants. FP32 `x [batch, 2]` in, `fingerprint [batch]` and `first` out.
 */
export function deadlyToLoad(): Uint8Array {
  const least = { name: "least", type: "INT32", shape: [2], values: [deadlyElement, 1] } as const;
  return writeModel({
    nodes: [
      { op: "Div", inputs: ["least", "minus"], outputs: ["folded"] },
      { op: "Cast", inputs: ["folded"], outputs: ["added"], attributes: { to: { int: 1 } } },
      { op: "Add", inputs: ["x", "added"], outputs: ["first"] },
      { op: "Cast", inputs: ["first"], outputs: ["fingerprint"], attributes: { to: { int: 11 } } },
    ],
    inputs: [tensorValue("x", "FP32", ["batch", 2])],
    outputs: [
      tensorValue("fingerprint", "FP64", ["batch", 2]),
      tensorValue("first", "FP32", ["batch", 2]),
    ],
    initializers: [least, { name: "minus", type: "INT32", shape: [], values: [-1] }],
  });
}
