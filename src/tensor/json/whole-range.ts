/**
 * The ranges of the integer dtypes, and the words for what each dtype takes.
 */
import type { NumericDtype } from "../dtype.ts";

export interface WholeRange {
  readonly min: bigint;
  readonly max: bigint;
}

const full = {
  INT8: { min: -128n, max: 127n },
  INT16: { min: -32_768n, max: 32_767n },
  INT32: { min: -2_147_483_648n, max: 2_147_483_647n },
  INT64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
  UINT8: { min: 0n, max: 255n },
  UINT16: { min: 0n, max: 65_535n },
  UINT32: { min: 0n, max: 4_294_967_295n },
  UINT64: { min: 0n, max: 2n ** 64n - 1n },
} as const satisfies Partial<Record<NumericDtype, WholeRange>>;

/** The range of an integer dtype, or `undefined` for the others. */
export function wholeRange(dtype: NumericDtype): WholeRange | undefined {
  return (full as Partial<Record<NumericDtype, WholeRange>>)[dtype];
}

/** What an element of the dtype has to be, for messages. */
export function wantedNumber(dtype: NumericDtype): string {
  if (dtype === "BOOL") return "true, false, 0 or 1";
  const range = wholeRange(dtype);
  if (range === undefined) return `a number (${dtype})`;
  return `a whole number from ${range.min} to ${range.max} (${dtype})`;
}
