/**
 * Finds the ZipMap nodes whose maps are graph outputs.
 *
 * skl2onnx and its relatives wrap a classifier's scores `[items, classes]` into a sequence of maps,
 * which the engine's Node binding cannot return. The tensor in front of the ZipMap holds the same
 * numbers in the order of the labels, so it is offered under the same name instead.
 */
import type { Label } from "../../signature.ts";
import type { OnnxGraph, OnnxNode } from "../onnx-model.ts";
import { labelsOfNode } from "./output-roles.ts";

export interface ZipMap {
  /** Name of the graph output. */
  readonly output: string;
  /** The tensor with the scores, FP32. */
  readonly scores: string;
  readonly labels: readonly Label[];
}

/** True for the node that makes maps of scores. */
function isZipMap(op: string, domain: string): boolean {
  return op === "ZipMap" && domain === "ai.onnx.ml";
}

/** ZipMaps that feed a graph output and nothing else, in node order. */
export function findZipMaps(graph: OnnxGraph): readonly ZipMap[] {
  const names = new Set(graph.outputs.map((each) => each.name));
  const nodes = graph.nodes.filter(
    (each) => isZipMap(each.op, each.domain) && names.has(each.outputs[0] ?? ""),
  );
  if (nodes.length === 0) return [];
  const used = usedNames(graph);
  return nodes
    .filter((each) => !used.has(each.outputs[0] ?? ""))
    .map((each) => ({
      output: each.outputs[0] ?? "",
      scores: each.inputs[0] ?? "",
      labels: labelsOfNode(each) ?? [],
    }));
}

/** Names that nodes read, those of subgraphs included. Bounded by the read budget. */
function usedNames(graph: OnnxGraph): ReadonlySet<string> {
  const used = new Set<string>();
  const waiting: OnnxNode[] = [...graph.nodes];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const each of node.inputs) used.add(each);
    for (const body of node.graphs) {
      for (const each of body.outputs) used.add(each.name);
      for (const each of body.nodes) waiting.push(each);
    }
  }
  return used;
}
