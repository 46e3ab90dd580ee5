/**
 * Rows and predictions of models that no declaration describes.
 */

/** One value of a row. */
export type Scalar = number | bigint | string | boolean;

/** Any typed array that holds numbers. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** What a feature may hold. */
export type FeatureValue = Scalar | readonly FeatureValue[] | NumericArray;

/** A row of a model that no declaration describes. */
export type AnyRow =
  | { readonly [feature: string]: FeatureValue }
  | readonly FeatureValue[]
  | NumericArray
  | string;

/** A class label or number; longer answers are a list. */
export type AnyPrediction = number | bigint | string | readonly (number | bigint | string)[];
