/**
 * An inference request of the Open Inference Protocol v2 as it was read, before any model is asked.
 *
 * Plain arrays, typed arrays and Maps, so that a parsing thread can hand it over. Contract: KServe
 * (github.com/kserve/open-inference-protocol), with the extensions of Triton for binary tensors,
 * parameters and classification.
 */
import type { Limits } from "../../base/index.ts";
import type { ByteStrings } from "../byte-strings.ts";
import type { Dtype } from "../dtype.ts";
import type { NumericArray } from "../numeric-array.ts";

/** A value of a `parameters` object; a bigint where a double would not be exact. */
export type OipParameter = string | number | boolean | bigint;

export type OipParameters = ReadonlyMap<string, OipParameter>;

export interface OipInput {
  readonly name: string;
  readonly dtype: Dtype;
  /** Whole dimensions, 0 to 2^53 - 1; their product is at most `elementsMax`. */
  readonly shape: readonly number[];
  /** Read from `data`; `undefined` while the elements are still in the binary part. */
  readonly elements: NumericArray | ByteStrings | undefined;
  /** Size in the binary part, byte; `undefined` when the JSON held the elements. */
  readonly binaryBytes: number | undefined;
}

export interface OipOutput {
  readonly name: string;
  /** Binary or JSON, or `undefined` for the request's default. */
  readonly isBinary: boolean | undefined;
  /** Best classes wanted instead of the tensor; 0 for the tensor. */
  readonly classes: number;
}

export interface OipRequest {
  readonly id: string | undefined;
  readonly inputs: readonly OipInput[];
  /** In the order asked; empty = all. */
  readonly outputs: readonly OipOutput[];
  /** Outputs that do not say otherwise are binary (`parameters.binary_data_output`). */
  readonly isBinaryDefault: boolean;
  /** Longest time for the whole request, us; 0 = none was given. */
  readonly timeoutUs: number;
  /** 1 is the most urgent, 0 none given. */
  readonly priority: number;
  /** What is left when the reserved names are taken out; `undefined` when nothing is. */
  readonly parameters: OipParameters | undefined;
}

/** The limits that reading enforces. */
export type OipLimits = Pick<
  Limits,
  "jsonDepthMax" | "inputsMax" | "outputsMax" | "rankMax" | "elementsMax" | "stringElementBytesMax"
>;
