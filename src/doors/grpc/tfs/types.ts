/**
 * How TensorFlow numbers the types of tensors, and the list in which the elements of each travel.
 */
import type { Dtype } from "../../../tensor/index.ts";
import { wire } from "../wire/reader.ts";

/** A `*_val` list of a TensorProto. */
export interface ListRow {
  /** Field number in TensorProto. */
  readonly number: number;
  readonly name: string;
  /** Wire type of its elements. */
  readonly element: number;
}

const int: ListRow = { number: 7, name: "int_val", element: wire.varint };
const half: ListRow = { number: 13, name: "half_val", element: wire.varint };

/** The list of each dtype. */
export const lists: Readonly<Record<Dtype, ListRow>> = {
  FP32: { number: 5, name: "float_val", element: wire.fixed32 },
  FP64: { number: 6, name: "double_val", element: wire.fixed64 },
  INT8: int,
  INT16: int,
  INT32: int,
  UINT8: int,
  UINT16: int,
  BYTES: { number: 8, name: "string_val", element: wire.bytes },
  INT64: { number: 10, name: "int64_val", element: wire.varint },
  BOOL: { number: 11, name: "bool_val", element: wire.varint },
  FP16: half,
  BF16: half,
  UINT32: { number: 16, name: "uint32_val", element: wire.varint },
  UINT64: { number: 17, name: "uint64_val", element: wire.varint },
};

/**
 * Lists of types that no model takes: complex numbers, resources, variants, eight-bit floats.
 * Bounded: these five.
 */
export const foreignLists: ReadonlySet<number> = new Set([9, 12, 14, 15, 18]);

/** The numbers of `tensorflow.DataType`. */
export const typeNumbers: Readonly<Record<Dtype, number>> = {
  FP32: 1,
  FP64: 2,
  INT32: 3,
  UINT8: 4,
  INT16: 5,
  INT8: 6,
  BYTES: 7,
  INT64: 9,
  BOOL: 10,
  BF16: 14,
  UINT16: 17,
  FP16: 19,
  UINT32: 22,
  UINT64: 23,
};

/** One entry a dtype. */
const byNumber: ReadonlyMap<number, Dtype> = new Map(
  Object.entries(typeNumbers).map(([dtype, number]) => [number, dtype as Dtype]),
);

/** The dtype of a number, or `undefined` for a type that no model takes. */
export function dtypeOfNumber(number: number): Dtype | undefined {
  return byNumber.get(number);
}
