/**
 * A tensor: dtype, shape and row-major elements.
 *
 * Numbers lie in the typed array of the dtype (FP16 and BF16 as bit patterns in a Uint16Array, BOOL
 * as 0 and 1 in a Uint8Array), strings in `ByteStrings`. Invariant: the number of elements is the
 * product of the shape. Slices share memory with the whole; nobody writes into a tensor that was
 * handed on.
 */
import type { ByteStrings } from "./byte-strings.ts";
import { type Dtype, dtypeTable, type NumericDtype } from "./dtype.ts";
import type { NumericArray } from "./numeric-array.ts";

export interface NumericTensor {
  readonly dtype: NumericDtype;
  readonly shape: readonly number[];
  readonly elements: NumericArray;
}

export interface BytesTensor {
  readonly dtype: "BYTES";
  readonly shape: readonly number[];
  readonly elements: ByteStrings;
}

export type Tensor = NumericTensor | BytesTensor;

/** Product of the dimensions; 1 for a scalar. REQUIRES: no dimension is negative. */
export function elementCount(shape: readonly number[]): number {
  let product = 1;
  for (const dimension of shape) product *= dimension;
  return product;
}

/** Bytes that the elements take, without any framing. */
export function tensorBytes(tensor: Tensor): number {
  if (tensor.dtype === "BYTES") return tensor.elements.byteLength + 4 * tensor.elements.length;
  return tensor.elements.length * dtypeTable[tensor.dtype].bytes;
}

/** REQUIRES: `elements` fits `dtype`, and its length is the product of `shape`. */
export function makeTensor(
  dtype: Dtype,
  shape: readonly number[],
  elements: NumericArray | ByteStrings,
): Tensor {
  return { dtype, shape, elements } as Tensor;
}
