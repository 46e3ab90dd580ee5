/**
 * Writes a tensor as raw bytes, the layout of `read-binary.ts`.
 */
import { type Tensor, tensorBytes } from "../tensor.ts";

/** The bytes of a tensor: a view of its numbers, or its strings each behind a u32 length. */
export function writeBinary(tensor: Tensor): Uint8Array {
  const { elements } = tensor;
  if (tensor.dtype !== "BYTES") {
    const { buffer, byteOffset, byteLength } = tensor.elements;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  const bytes = new Uint8Array(tensorBytes(tensor));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let index = 0; index < elements.length; index += 1) {
    const element = tensor.elements.at(index);
    view.setUint32(at, element.length, true);
    bytes.set(element, at + 4);
    at += 4 + element.length;
  }
  return bytes;
}
