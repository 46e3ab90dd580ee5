/**
 * A model for the chaos tests that turns a small request into a large answer.
 */
import { tensorValue, writeModel } from "../../tools/onnx/builder.ts";

/** FP32 `x [batch, 1]` in, `y [batch, columns]` out: the value, `columns` times. */
export function wide(columns: number): Uint8Array {
  const ones = new Float32Array(columns).fill(1);
  return writeModel({
    nodes: [{ op: "MatMul", inputs: ["x", "ones"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", ["batch", 1])],
    outputs: [tensorValue("y", "FP32", ["batch", columns])],
    initializers: [{ name: "ones", type: "FP32", shape: [1, columns], values: ones }],
  });
}
