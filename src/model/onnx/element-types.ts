/**
 * ONNX element types: their dtype here, their name in messages, their size in a file.
 *
 * A type without dtype cannot travel through the engine's Node binding, in or out, although the
 * engine itself may compute with it inside a graph.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (TensorProto.DataType)
 */
import type { Dtype } from "../../tensor/index.ts";

interface ElementTypeRow {
  readonly name: string;
  readonly dtype: Dtype | undefined;
  /** Bits of one element in `raw_data` or an external file; 0 when it has no fixed size. */
  readonly bits: number;
}

function row(name: string, dtype: Dtype | undefined, bits: number): ElementTypeRow {
  return { name, dtype, bits };
}

const table: Readonly<Record<number, ElementTypeRow>> = {
  1: row("float32", "FP32", 32),
  2: row("uint8", "UINT8", 8),
  3: row("int8", "INT8", 8),
  4: row("uint16", "UINT16", 16),
  5: row("int16", "INT16", 16),
  6: row("int32", "INT32", 32),
  7: row("int64", "INT64", 64),
  8: row("string", "BYTES", 0),
  9: row("bool", "BOOL", 8),
  10: row("float16", "FP16", 16),
  11: row("float64", "FP64", 64),
  12: row("uint32", "UINT32", 32),
  13: row("uint64", "UINT64", 64),
  14: row("complex64", undefined, 64),
  15: row("complex128", undefined, 128),
  16: row("bfloat16", undefined, 16),
  17: row("float8e4m3fn", undefined, 8),
  18: row("float8e4m3fnuz", undefined, 8),
  19: row("float8e5m2", undefined, 8),
  20: row("float8e5m2fnuz", undefined, 8),
  21: row("uint4", undefined, 4),
  22: row("int4", undefined, 4),
  23: row("float4e2m1", undefined, 4),
  24: row("float8e8m0", undefined, 8),
  25: row("uint2", undefined, 2),
  26: row("int2", undefined, 2),
};

/** The dtype of an ONNX element type, or `undefined` when it cannot be offered. */
export function dtypeOfElement(elementType: number): Dtype | undefined {
  return table[elementType]?.dtype;
}

/** The name used in messages. */
export function elementTypeName(elementType: number): string {
  return table[elementType]?.name ?? `element type ${elementType}`;
}

/** Bytes that `count` packed elements take in a file, or `undefined` when that is not fixed. */
export function elementBytes(elementType: number, count: number): number | undefined {
  const bits = table[elementType]?.bits ?? 0;
  return bits === 0 ? undefined : Math.ceil((count * bits) / 8);
}
