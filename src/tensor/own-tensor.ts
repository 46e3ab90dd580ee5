/**
 * Tensors that hold only their own memory.
 *
 * Answers of an engine are views of the frame of a whole batch. Whoever keeps one for longer than a
 * reply takes keeps the frame, which may be a hundred times as large; then a copy is cheaper.
 */
import type { Tensor } from "./tensor.ts";

/** Views of less than this share of their memory are copied. */
const viewShareMin = 0.5;

/** `tensor`, or a copy of it where it is a view of much more. */
export function ownTensor(tensor: Tensor): Tensor {
  if (tensor.dtype === "BYTES" || !isSmallView(tensor.elements)) return tensor;
  return { ...tensor, elements: tensor.elements.slice() };
}

/** `bytes`, or a copy of them where they are a view of much more. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return isSmallView(bytes) ? Uint8Array.prototype.slice.call(bytes) : bytes;
}

function isSmallView({ buffer, byteLength }: ArrayBufferView): boolean {
  return byteLength < viewShareMin * buffer.byteLength;
}
