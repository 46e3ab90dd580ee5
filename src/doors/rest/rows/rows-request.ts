/**
 * Rows and columns as foreign dialects send them, after they were read and before a model is asked.
 *
 * Plain values and typed arrays, so that a parsing thread can hand them over.
 */
import type { Tensor } from "../../../tensor/index.ts";
import type { DecodeLimits } from "../simple/decode.ts";
import type { DecodedRows } from "../simple/form-request.ts";

/**
 * How the values stood in the body.
 * - `rows`: an element of a list for each item
 * - `columns`: a whole tensor for each input
 */
export type RowsForm = "rows" | "columns";

export interface RowsRequest extends DecodedRows {
  readonly form: RowsForm;
  /** Of the format `value`. */
  readonly valueForm?: ValueForm;
  /** In the order of the plan's inputs; `undefined` = not given. */
  readonly tensors: readonly (Tensor | undefined)[];
  /** `signature_name` of TensorFlow Serving. */
  readonly signatureName: string | undefined;
}

/** The keys that may hold the values of a body. */
export type RowsKey = "instances" | "inputs" | "examples" | "dataframe_split" | "dataframe_records";

/** How a body is written: one JSON object, a JSON value in each line, a table, a bare value. */
export type RowsFormat = "json" | "lines" | "csv" | "value";

/** A bare value: one row, a list of rows, or rows under `instances`. */
export type ValueForm = "one" | "list" | "instances";

export interface RowsRules {
  readonly format: RowsFormat;
  readonly limits: DecodeLimits;
  /** The keys that the dialect knows; a body has exactly one of them. */
  readonly keys: readonly RowsKey[];
}
