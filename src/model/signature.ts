/**
 * What a version takes and gives.
 *
 * Read from the artifact and refined by the manifest; frozen after load. Everything that checks or
 * describes a request (doors, OpenAPI, metadata, types) reads it from here and nowhere else.
 */
import type { Dtype } from "../tensor/index.ts";
import type { ColumnSpec, TextStep } from "./column-spec.ts";

/** A class label: a string, or a whole number (int64 labels stay exact as bigint). */
export type Label = string | bigint;

export interface TensorSpec {
  readonly name: string;
  readonly dtype: Dtype;
  /** One entry a dimension, the item dimension included; -1 is any size. [] is a scalar. */
  readonly shape: readonly number[];
  /** The artifact's name of each dimension (`batch`), or `undefined`; same length as `shape`. */
  readonly dimNames: readonly (string | undefined)[];
}

export interface InputSpec extends TensorSpec {
  /** An input with a default in the artifact may be left out. */
  readonly isOptional: boolean;
  /** Named fields in tensor order, or `undefined` when the manifest names none. */
  readonly columns: readonly ColumnSpec[] | undefined;
  /** Value rules for every element: numbers from `min` to `max`, or text length in characters. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly lengthMin: number | undefined;
  readonly lengthMax: number | undefined;
  readonly steps: readonly TextStep[];
}

/** `prediction`: a class label or number per item; `probability`: scores per class. */
export type OutputRole = "prediction" | "probability" | "other";

export interface OutputSpec extends TensorSpec {
  readonly role: OutputRole;
  /** Class labels in the order of the last dimension, for `probability`. */
  readonly labels: readonly Label[] | undefined;
}

/**
 * How requests may share a run.
 * - `dynamic`: the first dimension of every input and output is the item dimension, any size.
 * - `fixed`: the same, but the artifact wants exactly `items`; short batches are filled up.
 * - `none`: each request runs alone and counts as one item; `reason` says why.
 */
export type BatchLayout =
  | { readonly kind: "dynamic" }
  | { readonly kind: "fixed"; readonly items: number }
  | { readonly kind: "none"; readonly reason: string };

export interface Signature {
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
  readonly layout: BatchLayout;
}
