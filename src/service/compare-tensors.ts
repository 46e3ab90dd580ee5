/**
 * Whether two tensors say the same, and if not, where they part.
 *
 * Numbers may differ by `tolerance * max(1, |expected|)`; NaN equals NaN; integers, booleans and
 * strings must be equal. FP16 and BF16 are compared as bits with a slack of a few units in the last
 * place, because engines round them differently from batch to batch.
 */
import type { NumericTensor, Tensor } from "../tensor/index.ts";

const halfUnitsMax = 16;

/** `undefined` when they agree, else words that follow "output 'x'". */
export function differenceOf(got: Tensor, expected: Tensor, tolerance: number): string | undefined {
  if (got.dtype !== expected.dtype) return `is ${got.dtype}, expected ${expected.dtype}`;
  const [mine, theirs] = [got.shape.join(","), expected.shape.join(",")];
  if (mine !== theirs) return `has shape [${mine}], expected [${theirs}]`;
  if (got.dtype === "BYTES" || expected.dtype === "BYTES") {
    return differentText(got, expected);
  }
  return differentNumber(got, expected, tolerance);
}

function differentText(got: Tensor, expected: Tensor): string | undefined {
  if (got.dtype !== "BYTES" || expected.dtype !== "BYTES") return "is of another kind";
  for (let index = 0; index < expected.elements.length; index += 1) {
    if (Buffer.compare(got.elements.at(index), expected.elements.at(index)) === 0) continue;
    return `differs at element ${index}`;
  }
  return undefined;
}

function differentNumber(
  got: NumericTensor,
  expected: NumericTensor,
  tolerance: number,
): string | undefined {
  const isHalf = got.dtype === "FP16" || got.dtype === "BF16";
  const isFloat = got.dtype === "FP32" || got.dtype === "FP64";
  for (let index = 0; index < expected.elements.length; index += 1) {
    const [a, b] = [got.elements[index], expected.elements[index]];
    if (a === b) continue;
    if (typeof a !== "number" || typeof b !== "number") return `differs at element ${index}`;
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    const slack = isHalf ? halfUnitsMax : isFloat ? tolerance * Math.max(1, Math.abs(b)) : 0;
    if (Math.abs(a - b) <= slack) continue;
    return `differs at element ${index}: ${a}, expected ${b}`;
  }
  return undefined;
}
