/**
 * What is known about a model file, for people: the facts that `millrace inspect` shows.
 */

import { allNodes } from "./check/check-graph.ts";
import type { ExternalFile } from "./check/external-files.ts";
import { elementBytes } from "./element-types.ts";
import type { OnnxModel } from "./onnx-model.ts";

export interface OnnxFacts {
  readonly format: "onnx" | "ort";
  readonly producer: string;
  readonly irVersion: number;
  readonly domain: string;
  readonly modelVersion: number;
  readonly doc: string;
  /** Domain ("ai.onnx" and others) to version. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Operators by name (`ai.onnx.ml.ZipMap` outside ai.onnx), most frequent first. */
  readonly operators: readonly { readonly name: string; readonly count: number }[];
  readonly nodeCount: number;
  /** Elements of all initializers. */
  readonly parameterCount: number;
  /** Bytes of all initializers with a fixed element size. */
  readonly parameterBytes: number;
  /** Size of the artifact, byte. */
  readonly fileBytes: number;
  readonly externalFiles: readonly { readonly location: string; readonly bytes: number }[];
}

/** Facts of a model that was read. @param fileBytes the size of the artifact */
export function onnxFacts(
  model: OnnxModel,
  fileBytes: number,
  externalFiles: readonly ExternalFile[],
): OnnxFacts {
  let [parameterCount, parameterBytes] = [0, 0];
  for (const tensor of model.graph.initializers) {
    const count = tensor.shape.reduce((product, each) => product * each, 1);
    parameterCount += count;
    parameterBytes += elementBytes(tensor.elementType, count) ?? 0;
  }
  return {
    format: model.format,
    producer: [model.producerName, model.producerVersion].filter((each) => each !== "").join(" "),
    irVersion: model.irVersion,
    domain: model.domain,
    modelVersion: model.modelVersion,
    doc: model.doc,
    opsets: plainRecord([...model.opsets].map(([key, value]) => [key || "ai.onnx", value])),
    metadata: plainRecord([...model.metadata]),
    operators: countOperators(model),
    nodeCount: model.nodeCount,
    parameterCount,
    parameterBytes,
    fileBytes,
    externalFiles: externalFiles.map(({ location, bytes }) => ({ location, bytes })),
  };
}

function countOperators(model: OnnxModel): OnnxFacts["operators"] {
  // At most one entry a node.
  const counts = new Map<string, number>();
  for (const node of allNodes(model)) {
    const name = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

/** Keys come from the file: no prototype, so that `__proto__` is a key like any other. */
function plainRecord<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  const record: Record<string, T> = Object.create(null);
  for (const [key, value] of entries) record[key] = value;
  return record;
}
