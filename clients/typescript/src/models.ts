/**
 * What the compiler knows about models: rows in, predictions out.
 *
 * `millrace types` writes a declaration that adds its models to `MillraceModels` (declaration
 * merging), and from then on a wrong feature name in a call of that model is a compile error. A
 * name that is not in there is called untyped: models come and go while programs run.
 */
import type { AnyPrediction, AnyRow } from "./row.ts";
import type { Datatype, TensorOf } from "./tensor/tensor.ts";

/**
 * Filled by the declarations that `millrace types` writes: a key per model, each with `row`,
 * `prediction`, `inputs` and `outputs` as `ModelTypes` has them.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by declaration merging.
export interface MillraceModels {}

/** The form of an entry of `MillraceModels`. */
export interface ModelTypes {
  /** One row: an object of named features, a list in signature order, or a text. */
  readonly row: unknown;
  /** The answer for one row. */
  readonly prediction: unknown;
  /** Datatype of each input tensor. */
  readonly inputs: Readonly<Record<string, Datatype>>;
  /** Datatype of each output tensor. */
  readonly outputs: Readonly<Record<string, Datatype>>;
}

/** A known name, or any other. */
export type ModelName = keyof MillraceModels | (string & {});

type EntryOf<M> = M extends keyof MillraceModels ? MillraceModels[M] : undefined;

/** What one row of model `M` looks like. */
export type RowOf<M> = EntryOf<M> extends { readonly row: infer R } ? R : AnyRow;

/** What model `M` answers for one row. */
export type PredictionOf<M> =
  EntryOf<M> extends { readonly prediction: infer P } ? P : AnyPrediction;

/** Names and datatypes of the inputs of model `M`. */
export type InputsOf<M> =
  EntryOf<M> extends { readonly inputs: infer I } ? I : Readonly<Record<string, Datatype>>;

/** The outputs of model `M` as tensors. */
export type OutputsOf<M> =
  EntryOf<M> extends { readonly outputs: infer O }
    ? { readonly [N in keyof O]: O[N] extends Datatype ? TensorOf<O[N]> : TensorOf<Datatype> }
    : Readonly<Record<string, TensorOf<Datatype>>>;
