/**
 * Counts the nodes of a model after its functions are put in the place of their calls.
 *
 * The engine does so while loading: functions that call each other in a circle would never end, and
 * thirty that each call the next one twice make a thousand million nodes of thirty lines.
 */
import { quote, ServingError } from "../../../base/index.ts";
import type { OnnxFunction, OnnxModel, OnnxNode } from "../onnx-model.ts";

/** Longest chain of functions that call each other. */
const callDepthMax = 100;

/**
 * @param max counting stops above it
 * @throws MODEL_INVALID when functions call each other in a circle or too deep
 */
export function expandedNodeCount(model: OnnxModel, max: number): number {
  if (model.functions.length === 0) return model.nodeCount;
  // Bounded by the read budget.
  const functions = new Map(model.functions.map((each) => [keyOf(each.domain, each.name), each]));
  const known = new Map<OnnxFunction, number>();
  const count = (nodes: readonly OnnxNode[], depth: number): number => {
    let total = 0;
    for (const node of nodes) {
      const called = functions.get(keyOf(node.domain, node.op));
      total += called === undefined ? 1 : countFunction(called, depth + 1);
      for (const body of node.graphs) total += count(body.nodes, depth);
      if (total > max) return total;
    }
    return total;
  };
  const countFunction = (called: OnnxFunction, depth: number): number => {
    const earlier = known.get(called);
    if (earlier !== undefined) return earlier;
    if (depth > callDepthMax) {
      throw new ServingError(
        "MODEL_INVALID",
        `function ${quote(keyOf(called.domain, called.name))} calls itself or more than ` +
          `${callDepthMax} others in a row; export the model without functions`,
      );
    }
    const total = count(called.nodes, depth);
    known.set(called, total);
    return total;
  };
  return count(model.graph.nodes, 0);
}

function keyOf(domain: string, name: string): string {
  return `${domain}:${name}`;
}
