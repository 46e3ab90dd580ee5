/**
 * A tensor: dtype, shape and row-major elements.
 *
 * Numbers lie in the typed array of the dtype (FP16 and BF16 as bit patterns in a Uint16Array, BOOL
 * as 0 and 1 in a Uint8Array), strings in `ByteStrings`. Invariant: the number of elements is the
 * product of the shape. Slices share memory with the whole; nobody writes into a tensor that was
 * handed on.
 */
import { ByteStrings } from "./byte-strings.ts";
import {
  type Dtype,
  dtypeTable,
  type NumericArray,
  type NumericDtype,
  viewNumeric,
} from "./dtype.ts";

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

/** A tensor with the name it has in a signature. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

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

/** Items `from` to `to` (exclusive) along the first dimension; shares memory. */
export function sliceItems(tensor: Tensor, from: number, to: number): Tensor {
  const items = tensor.shape[0] ?? 1;
  const stride = items === 0 ? 0 : tensor.elements.length / items;
  const shape = [to - from, ...tensor.shape.slice(1)];
  if (tensor.dtype === "BYTES") {
    return { dtype: "BYTES", shape, elements: tensor.elements.slice(from * stride, to * stride) };
  }
  const elements = tensor.elements.subarray(from * stride, to * stride);
  return { dtype: tensor.dtype, shape, elements };
}

/**
 * Joins tensors along the first dimension.
 * REQUIRES: at least one, all of one dtype and equal in every dimension but the first.
 */
export function concatItems(parts: readonly Tensor[]): Tensor {
  const first = parts[0];
  if (first === undefined) throw new RangeError("nothing to join");
  if (parts.length === 1) return first;
  let items = 0;
  for (const part of parts) items += part.shape[0] ?? 1;
  const shape = [items, ...first.shape.slice(1)];
  if (first.dtype === "BYTES") {
    const strings = parts
      .map((part) => part.elements)
      .filter((each) => each instanceof ByteStrings);
    return { dtype: "BYTES", shape, elements: ByteStrings.concat(strings) };
  }
  const numeric = parts.filter((part) => part.dtype !== "BYTES");
  return { dtype: first.dtype, shape, elements: joinNumeric(first.dtype, numeric) };
}

function joinNumeric(dtype: NumericDtype, parts: readonly NumericTensor[]): NumericArray {
  let total = 0;
  for (const part of parts) total += part.elements.length;
  const bytes = new Uint8Array(total * dtypeTable[dtype].bytes);
  let offset = 0;
  for (const part of parts) {
    const { buffer, byteOffset, byteLength } = part.elements;
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    offset += byteLength;
  }
  return viewNumeric(dtype, bytes.buffer, 0, total);
}
