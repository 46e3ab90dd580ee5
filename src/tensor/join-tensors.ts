/**
 * Cuts tensors into items and joins them again, along the first dimension.
 */
import { ByteStrings } from "./byte-strings.ts";
import { dtypeTable, type NumericDtype } from "./dtype.ts";
import { type NumericArray, viewNumeric } from "./numeric-array.ts";
import type { NumericTensor, Tensor } from "./tensor.ts";

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
  return viewNumeric(dtype, { buffer: bytes.buffer, byteOffset: 0, length: total });
}
