/**
 * Ready-made small models, written without Python: the plain layouts that a server must get right.
 *
 * Each function gives the bytes of a `.onnx` file. `loads.ts` holds the heavy and the misbehaving
 * ones, `learners.ts` classifiers and networks.
 */
import { tensorValue, writeModel } from "./builder.ts";
import type { ElementType, ValueType } from "./model-source.ts";

type Shape = NonNullable<Extract<ValueType, { tensor: unknown }>["shape"]>;

/** Gives back `x` of any dtype and declared shape as `y`. */
export function identity(type: ElementType, shape: Shape): Uint8Array {
  return writeModel({
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
    inputs: [tensorValue("x", type, shape)],
    outputs: [tensorValue("y", type, shape)],
  });
}

/** A scalar in, its double out: no item dimension at all. */
export function scalar(): Uint8Array {
  return writeModel({
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", [])],
    outputs: [tensorValue("y", "FP32", [])],
  });
}

/** No inputs; answers FP32 `[1, 2, 3]` as `y`. */
export function constant(): Uint8Array {
  const value = { name: "value", type: "FP32", shape: [3], values: [1, 2, 3] } as const;
  return writeModel({
    nodes: [
      { op: "Constant", inputs: [], outputs: ["y"], attributes: { value: { tensor: value } } },
    ],
    inputs: [],
    outputs: [tensorValue("y", "FP32", [3])],
  });
}

/** The largest sum that `fingerprint` gives back exactly: elements must be whole and small. */
const weightMax = 1_000_003;

/** The whole-number weight of a position: different for each, so that a swap changes the sum. */
function weightAt(position: number): number {
  return 1 + Math.floor((Math.sqrt(position + 2) % 1) * weightMax);
}

/** What `fingerprint` answers for a row; exact for whole elements up to 2^24. */
export function fingerprintOf(row: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < row.length; index += 1) sum += (row[index] ?? 0) * weightAt(index);
  return sum;
}

/**
 * Tells which row an answer belongs to: FP32 `x [batch, width]` in; out `fingerprint` FP64
 * `[batch, 1]`, an order-sensitive sum that is exact for whole elements, and `first` FP32
 * `[batch, 1]`, the row's first value.
 */
export function fingerprint(width: number): Uint8Array {
  const weights = Float64Array.from({ length: width }, (_, index) => weightAt(index));
  return writeModel({
    nodes: [
      { op: "Cast", inputs: ["x"], outputs: ["wide"], attributes: { to: { int: 11 } } },
      { op: "MatMul", inputs: ["wide", "weights"], outputs: ["fingerprint"] },
      {
        op: "Gather",
        inputs: ["x", "zero"],
        outputs: ["first"],
        attributes: { axis: { int: 1 } },
      },
    ],
    inputs: [tensorValue("x", "FP32", ["batch", width])],
    outputs: [
      tensorValue("fingerprint", "FP64", ["batch", 1]),
      tensorValue("first", "FP32", ["batch", 1]),
    ],
    initializers: [
      { name: "weights", type: "FP64", shape: [width, 1], values: weights },
      { name: "zero", type: "INT64", shape: [1], values: [0] },
    ],
  });
}

/**
 * State along the first dimension, which looks like a batch and is not: `y[i]` is the sum of
 * `x[k] + 1` for k <= i. A batch of two zeros answers 1 and 2; two single runs answer 1 and 1.
 */
export function recurrent(): Uint8Array {
  return writeModel({
    nodes: [
      { op: "Add", inputs: ["x", "one"], outputs: ["raised"] },
      { op: "CumSum", inputs: ["raised", "axis"], outputs: ["y"] },
    ],
    inputs: [tensorValue("x", "FP32", ["time", 2])],
    outputs: [tensorValue("y", "FP32", ["time", 2])],
    initializers: [
      { name: "one", type: "FP32", shape: [], values: [1] },
      { name: "axis", type: "INT64", shape: [], values: [0] },
    ],
  });
}

/** FP32 `x [rows, 2]` in, the sum of all elements as a scalar `total` out: cannot be batched. */
export function total(): Uint8Array {
  return writeModel({
    nodes: [
      { op: "ReduceSum", inputs: ["x"], outputs: ["total"], attributes: { keepdims: { int: 0 } } },
    ],
    inputs: [tensorValue("x", "FP32", ["rows", 2])],
    outputs: [tensorValue("total", "FP32", [])],
  });
}

/** Two inputs of unlike dtypes, `name` BYTES and `value` INT64 `[batch, 1]`, both given back. */
export function mixed(): Uint8Array {
  return writeModel({
    nodes: [
      { op: "Identity", inputs: ["name"], outputs: ["same_name"] },
      { op: "Identity", inputs: ["value"], outputs: ["same_value"] },
    ],
    inputs: [
      tensorValue("name", "BYTES", ["batch", 1]),
      tensorValue("value", "INT64", ["batch", 1]),
    ],
    outputs: [
      tensorValue("same_name", "BYTES", ["batch", 1]),
      tensorValue("same_value", "INT64", ["batch", 1]),
    ],
  });
}

/** FP32 `x [batch, 1]` in, each value `width` times as `y [batch, width]`: small asks for large. */
export function widen(width: number): Uint8Array {
  return writeModel({
    nodes: [{ op: "Tile", inputs: ["x", "repeats"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", ["batch", 1])],
    outputs: [tensorValue("y", "FP32", ["batch", width])],
    initializers: [{ name: "repeats", type: "INT64", shape: [2], values: [1, width] }],
  });
}
