/**
 * What was read of a model file: the graph without its weights.
 *
 * One form for `.onnx` (protobuf) and `.ort` (flatbuffer), so that everything after the readers
 * knows no file format. Attributes and tensors are read when asked for; they hold views of the
 * file's bytes, so an `OnnxModel` must not outlive the import.
 */
import type { OnnxValue } from "./onnx-value.ts";

export interface OnnxTensor {
  readonly name: string;
  readonly elementType: number;
  readonly shape: readonly number[];
  /** True when the elements lie in another file. */
  readonly isExternal: boolean;
  /** Keys and values of `external_data` in file order. */
  readonly external: readonly (readonly [key: string, value: string])[];
  /** Bytes of `raw_data`, or `undefined` when the elements are stored in another way. */
  readonly rawBytes: number | undefined;
  /** Elements of an INT64 or string tensor, at most `readElementsMax`; otherwise empty. */
  readonly elements: () => readonly (bigint | string)[];
}

/** Longest list of labels that is read from a model. */
export const readElementsMax = 100_000;

export interface AttributeValue {
  readonly int: bigint | undefined;
  readonly string: string | undefined;
  readonly ints: readonly bigint[];
  readonly strings: readonly string[];
  readonly tensor: OnnxTensor | undefined;
}

export interface OnnxNode {
  readonly op: string;
  /** "" is ai.onnx. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The named attribute, or `undefined`. */
  readonly attribute: (name: string) => AttributeValue | undefined;
  /** Bodies of Loop, If, Scan. */
  readonly graphs: readonly OnnxGraph[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
}

/** A function of the model itself; a node of its domain and name calls it. */
export interface OnnxFunction {
  readonly domain: string;
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
}

export interface OnnxModel {
  readonly format: "onnx" | "ort";
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: number;
  readonly doc: string;
  /** Domain ("" is ai.onnx) to version. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
  /** Every tensor of the file, those of subgraphs, functions and attributes included. */
  readonly tensors: readonly OnnxTensor[];
  readonly nodeCount: number;
}
