/**
 * What the manifest may say about an input beyond its tensor: named columns, steps on its text.
 */
import type { Dtype } from "../tensor/index.ts";

/** A named field of the simple dialect: one column of a tensor `[items, columns]`. */
export interface ColumnSpec {
  readonly name: string;
  /** What the caller may send: INT32 and INT64 refuse fractions. The tensor keeps its own dtype. */
  readonly dtype: Dtype;
  /** Smallest and largest value that is let in; `undefined` is no limit. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** Used when the field is absent; `undefined` makes the field required. */
  readonly default: number | undefined;
}

/** A declared step on the text of a BYTES input, done before the engine sees it, in this order. */
export type TextStep = "trim" | "lowercase" | "collapse-space";
