/**
 * Finds out what each output means: the predicted class or number, the scores per class, or other.
 *
 * Read from the operators that make an output, walking back through those that only pass values on.
 * Exporters agree on little else: names differ, labels lie in the attributes of the classifier, of
 * a ZipMap or a LabelEncoder, or in a constant that ArgMax picks from. Where the graph tells
 * nothing, an output is `other`; a wrong guess would show a number as a probability.
 */
import { dtypeTable } from "../../../tensor/index.ts";
import type { Label, OutputRole, TensorSpec } from "../../signature.ts";
import type { OnnxGraph, OnnxNode } from "../onnx-model.ts";

export interface OutputMeaning {
  readonly role: OutputRole;
  readonly labels: readonly Label[] | undefined;
}

/** Longest walk back from an output, node. */
const walkNodesMax = 12;
const passingOps = new Set([
  ...["Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Normalizer"],
  ...["ArrayFeatureExtractor", "LabelEncoder", "Gather"],
]);

/** A walk back from one output to the operator that decides what it means. */
interface Origin {
  readonly node: OnnxNode | undefined;
  /** Which output of `node` is meant. */
  readonly outputIndex: number;
  readonly labels: readonly Label[] | undefined;
}

/** Class labels that a node carries in its attributes, or `undefined`. */
export function labelsOfNode(node: OnnxNode): readonly Label[] | undefined {
  for (const name of ["classlabels_strings", "classlabels_int64s", "classlabels_ints"]) {
    const value = node.attribute(name);
    if (value === undefined) continue;
    if (value.strings.length > 0) return value.strings;
    if (value.ints.length > 0) return value.ints;
  }
  return undefined;
}

/**
 * The meaning of each output, in order.
 *
 * @param zipMaps labels of outputs that were maps, by output name
 */
export function outputMeanings(
  outputs: readonly TensorSpec[],
  graph: OnnxGraph,
  zipMaps: ReadonlyMap<string, readonly Label[]>,
): readonly OutputMeaning[] {
  const origins = traceOrigins(outputs, graph);
  const known = outputs.map((output, index) => {
    const labels = zipMaps.get(output.name);
    if (labels !== undefined) return { role: "probability", labels } as const;
    return meaningOf(output, origins[index]);
  });
  return joinMeanings(outputs, known);
}

function meaningOf(output: TensorSpec, origin: Origin | undefined): OutputMeaning {
  const op = origin?.node?.op ?? "";
  const isFloat = dtypeTable[output.dtype].kind === "float";
  const isClassifier = op.endsWith("Classifier") && origin?.node?.domain === "ai.onnx.ml";
  const labels = origin?.labels;
  if (isLabelLike(output) && (op === "ArgMax" || (isClassifier && origin?.outputIndex === 0))) {
    return { role: "prediction", labels };
  }
  if (!isFloat) return { role: "other", labels: undefined };
  if (isClassifier && origin?.outputIndex === 1) return { role: "probability", labels };
  if (op.endsWith("Regressor") && isOneNumber(output)) {
    return { role: "prediction", labels: undefined };
  }
  const isScores = op === "Softmax" && output.shape.length === 2 && !isOneNumber(output);
  return { role: isScores ? "probability" : "other", labels: undefined };
}

/** Lets outputs explain each other: scores beside a label, labels of the classifier for both. */
function joinMeanings(
  outputs: readonly TensorSpec[],
  known: readonly OutputMeaning[],
): readonly OutputMeaning[] {
  const labels = known.find((each) => each.labels !== undefined)?.labels;
  const hasPrediction = known.some((each) => each.role === "prediction");
  const scores = outputs.filter((each) => isScoreLike(each));
  const only = outputs.length === 1 ? outputs[0] : undefined;
  return outputs.map((output, index): OutputMeaning => {
    const role = known[index]?.role ?? "other";
    const isScores =
      hasPrediction && role === "other" && scores.length === 1 && isScoreLike(output);
    if (role === "probability" || isScores) {
      return { role: "probability", labels: fittingLabels(output, labels) };
    }
    if (role === "other" && output === only && isOneNumber(output)) {
      return { role: "prediction", labels: undefined };
    }
    return { role, labels: undefined };
  });
}

function fittingLabels(
  output: TensorSpec,
  labels: readonly Label[] | undefined,
): readonly Label[] | undefined {
  const classes = output.shape.at(-1);
  return classes === -1 || classes === labels?.length ? labels : undefined;
}

function isLabelLike(output: TensorSpec): boolean {
  const { kind } = dtypeTable[output.dtype];
  const isOne = output.shape.length <= 1 || (output.shape.length === 2 && output.shape[1] === 1);
  return isOne && (kind === "integer" || kind === "bytes" || kind === "bool");
}

function isScoreLike(output: TensorSpec): boolean {
  return dtypeTable[output.dtype].kind === "float" && output.shape.length === 2;
}

/** One floating-point number an item: `[items]` or `[items, 1]`. */
function isOneNumber(output: TensorSpec): boolean {
  if (dtypeTable[output.dtype].kind !== "float") return false;
  return output.shape.length === 1 || (output.shape.length === 2 && output.shape[1] === 1);
}

function traceOrigins(outputs: readonly TensorSpec[], graph: OnnxGraph): readonly Origin[] {
  // Bounded by modelNodesMax and the read budget.
  const makers = new Map<string, { readonly node: OnnxNode; readonly outputIndex: number }>();
  for (const node of graph.nodes) {
    node.outputs.forEach((name, outputIndex) => {
      makers.set(name, { node, outputIndex });
    });
  }
  const constants = constantLabels(graph);
  return outputs.map((output) => traceOne(output.name, makers, constants));
}

/** Labels that lie in constants, read when asked for. */
function constantLabels(graph: OnnxGraph): (name: string) => readonly Label[] | undefined {
  return (name) => {
    const initializer = graph.initializers.find((each) => each.name === name);
    const node = graph.nodes.find((each) => each.op === "Constant" && each.outputs[0] === name);
    const labels = (initializer ?? node?.attribute("value")?.tensor)?.elements() ?? [];
    return labels.length === 0 ? undefined : labels;
  };
}

function traceOne(
  name: string,
  makers: ReadonlyMap<string, { readonly node: OnnxNode; readonly outputIndex: number }>,
  constants: (name: string) => readonly Label[] | undefined,
): Origin {
  let current = makers.get(name);
  let labels: readonly Label[] | undefined;
  for (let step = 0; step < walkNodesMax && current !== undefined; step += 1) {
    const { node } = current;
    labels ??= labelsOfNode(node) ?? labelsOfEncoder(node);
    if (!passingOps.has(node.op)) break;
    let next = node.inputs[0];
    if (node.op === "ArrayFeatureExtractor" || node.op === "Gather") {
      labels ??= constants(node.inputs[0] ?? "");
      if (!makers.has(next ?? "")) next = node.inputs[1];
    }
    current = makers.get(next ?? "");
  }
  return { node: current?.node, outputIndex: current?.outputIndex ?? 0, labels };
}

function labelsOfEncoder(node: OnnxNode): readonly Label[] | undefined {
  if (node.op !== "LabelEncoder") return undefined;
  for (const name of ["values_strings", "values_int64s", "classes_strings"]) {
    const value = node.attribute(name);
    if (value === undefined) continue;
    if (value.strings.length > 0) return value.strings;
    if (value.ints.length > 0) return value.ints;
  }
  return undefined;
}
