/**
 * The declared type of a graph input or output, in the words of the file.
 */

/** A size, a dimension's name, or `undefined` for any size without a name. */
export type OnnxDimension = number | string | undefined;

export type OnnxType =
  | {
      readonly kind: "tensor";
      /** TensorProto.DataType. */
      readonly elementType: number;
      /** `undefined` when even the rank is unknown. */
      readonly shape: readonly OnnxDimension[] | undefined;
    }
  | { readonly kind: "sequence" | "map" | "optional" | "sparse tensor" | "opaque" };

/** A graph input or output. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType | undefined;
}
