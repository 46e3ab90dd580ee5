/**
 * Which numbers a dtype can hold, for the rules of columns and the words of errors.
 */
import { type Dtype, dtypeTable } from "../../tensor/index.ts";

/** True for BOOL and the integers: no fractions. */
export function isWholeDtype(dtype: Dtype): boolean {
  return dtype === "BOOL" || dtypeTable[dtype].kind === "integer";
}

/**
 * The smallest and largest value of a dtype; the infinities for floats and BYTES. The ends of the
 * 64-bit ranges are the nearest doubles.
 */
export function dtypeRange(dtype: Dtype): readonly [min: number, max: number] {
  if (dtype === "BOOL") return [0, 1];
  const row = dtypeTable[dtype];
  if (row.kind !== "integer") return [-Infinity, Infinity];
  const bits = row.bytes * 8;
  if (dtype.startsWith("U")) return [0, 2 ** bits - 1];
  return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}
