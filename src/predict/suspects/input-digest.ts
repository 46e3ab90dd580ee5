/**
 * Names the inputs of a request by their content.
 *
 * The digest decides (SHA-256 of dtype, shape and bytes of every input); the fingerprint, a number
 * from the sizes and a few bytes of each end, only tells which requests are worth a digest.
 */
import { createHash } from "node:crypto";
import type { Tensor } from "../../tensor/index.ts";

type Inputs = readonly (Tensor | undefined)[];

/** Bytes of each end of a tensor that the fingerprint reads. */
const fingerprintBytes = 32;

/** SHA-256, hex, over all inputs in order; one that is not given counts too. */
export function digestInputs(inputs: Inputs): string {
  const hash = createHash("sha256");
  for (const tensor of inputs) {
    if (tensor === undefined) {
      hash.update("absent;");
      continue;
    }
    hash.update(`${tensor.dtype}[${tensor.shape.join(",")}];`);
    if (tensor.dtype === "BYTES") {
      for (let index = 0; index < tensor.elements.length; index += 1) {
        const element = tensor.elements.at(index);
        hash.update(`${element.byteLength}:`);
        hash.update(element);
      }
    } else {
      hash.update(bytesOf(tensor));
    }
  }
  return hash.digest("hex");
}

/** A 32-bit number; equal for equal inputs, mostly different for others. */
export function fingerprintInputs(inputs: Inputs): number {
  let sum = 0x811c9dc5;
  for (const tensor of inputs) {
    const bytes = tensor === undefined ? undefined : bytesOf(tensor);
    const length = bytes?.length ?? -1;
    sum = mix(sum, length);
    if (bytes === undefined) continue;
    const headEnd = Math.min(length, fingerprintBytes);
    for (let index = 0; index < headEnd; index += 1) sum = mix(sum, bytes[index] ?? 0);
    const tailStart = Math.max(headEnd, length - fingerprintBytes);
    for (let index = tailStart; index < length; index += 1) sum = mix(sum, bytes[index] ?? 0);
  }
  return sum >>> 0;
}

/** FNV-1a: Fowler, Noll, Vo. */
function mix(sum: number, value: number): number {
  return Math.imul(sum ^ value, 0x01000193);
}

function bytesOf(tensor: Tensor): Uint8Array {
  if (tensor.dtype === "BYTES") {
    const { offsets, bytes, length } = tensor.elements;
    return bytes.subarray(offsets[0] ?? 0, offsets[length] ?? 0);
  }
  const { buffer, byteOffset, byteLength } = tensor.elements;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
