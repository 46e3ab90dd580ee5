/**
 * The element types of tensors, by the names of the Open Inference Protocol.
 *
 * `code` is the byte that stands for the dtype in a frame; it never changes its meaning. FP16 and
 * BF16 travel as 16-bit patterns, BYTES as packed strings (`byte-strings.ts`).
 */

export type Dtype =
  | "BOOL"
  | "INT8"
  | "INT16"
  | "INT32"
  | "INT64"
  | "UINT8"
  | "UINT16"
  | "UINT32"
  | "UINT64"
  | "FP16"
  | "BF16"
  | "FP32"
  | "FP64"
  | "BYTES";

/** Any dtype but BYTES. */
export type NumericDtype = Exclude<Dtype, "BYTES">;

export interface DtypeRow {
  readonly code: number;
  /** Bytes per element; for BYTES 0, because each element has its own. */
  readonly bytes: number;
  readonly kind: "bool" | "integer" | "float" | "bytes";
}

export const dtypeTable: Readonly<Record<Dtype, DtypeRow>> = {
  BOOL: { code: 1, bytes: 1, kind: "bool" },
  INT8: { code: 2, bytes: 1, kind: "integer" },
  INT16: { code: 3, bytes: 2, kind: "integer" },
  INT32: { code: 4, bytes: 4, kind: "integer" },
  INT64: { code: 5, bytes: 8, kind: "integer" },
  UINT8: { code: 6, bytes: 1, kind: "integer" },
  UINT16: { code: 7, bytes: 2, kind: "integer" },
  UINT32: { code: 8, bytes: 4, kind: "integer" },
  UINT64: { code: 9, bytes: 8, kind: "integer" },
  FP16: { code: 10, bytes: 2, kind: "float" },
  BF16: { code: 11, bytes: 2, kind: "float" },
  FP32: { code: 12, bytes: 4, kind: "float" },
  FP64: { code: 13, bytes: 8, kind: "float" },
  BYTES: { code: 14, bytes: 0, kind: "bytes" },
};

/** One entry a dtype. */
const byCode = new Map<number, Dtype>(
  Object.entries(dtypeTable).map(([name, row]) => [row.code, name as Dtype]),
);

/** The dtype of a frame code, or `undefined`. */
export function dtypeOfCode(code: number): Dtype | undefined {
  return byCode.get(code);
}

export function isDtype(text: unknown): text is Dtype {
  return typeof text === "string" && Object.hasOwn(dtypeTable, text);
}
