/**
 * Refuses graphs that the engine would refuse too, with a line that says what to do.
 *
 * The engine's own messages hold paths and speak of its source; what can be told from the file is
 * told here. What only the engine knows (types inside the graph, operators without a kernel) is
 * left to the load. Invariant: a model that the engine runs is never refused.
 */
import { type LimitName, quote, ServingError } from "../../../base/index.ts";
import { elementBytes } from "../element-types.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../onnx-model.ts";
import { expandedNodeCount } from "./expand-functions.ts";

/** What ONNX Runtime 1.30 reads, found by trying each number. */
const irVersionMax = 13;
const opsetMax: Readonly<Record<string, number>> = { "": 26, "ai.onnx.ml": 5 };

/** Domains whose operators the engine brings along; unknown operators in them are its to refuse. */
const engineDomains = new Set([
  ...["", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training"],
  ...["com.microsoft", "com.microsoft.nchwc", "com.microsoft.experimental"],
  ...["com.ms.internal.nhwc", "org.pytorch.aten"],
]);
const extensionsDomain = "ai.onnx.contrib";
const defaultLocale = "en_US.UTF-8";

export interface GraphRules {
  /** The limit `modelNodesMax`, after functions are expanded. */
  readonly nodesMax: number;
  /** True when the C library can construct this locale. */
  readonly hasLocale: (name: string) => boolean;
}

/** @throws MODEL_INVALID saying what is wrong, where, and what to do */
export function checkGraph(model: OnnxModel, rules: GraphRules): void {
  checkVersions(model);
  const functions = new Set(model.functions.map((each) => `${each.domain}:${each.name}`));
  for (const node of allNodes(model)) {
    checkOperator(node, functions);
    checkLocale(node, rules.hasLocale);
  }
  if (expandedNodeCount(model, rules.nodesMax) > rules.nodesMax) {
    throw refusal(
      `the graph has more than ${rules.nodesMax} nodes after its functions are expanded; ` +
        "simplify the model or raise modelNodesMax",
      "modelNodesMax",
    );
  }
  checkNames(model.graph);
  for (const tensor of model.tensors) checkStoredSize(tensor);
}

/** Every node of the file, those of subgraphs and functions included. */
export function* allNodes(model: OnnxModel): Generator<OnnxNode> {
  // Bounded by modelNodesMax.
  const waiting: OnnxNode[] = [];
  for (const each of [model.graph, ...model.functions]) {
    for (const node of each.nodes) waiting.push(node);
  }
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    for (const body of node.graphs) for (const each of body.nodes) waiting.push(each);
  }
}

function checkVersions(model: OnnxModel): void {
  if (model.opsets.size === 0) {
    throw refusal(
      "the model imports no operator set; set opset_import (onnx.helper.make_opsetid) and save it",
    );
  }
  for (const [domain, version] of model.opsets) {
    const max = opsetMax[domain];
    const name = domain === "" ? "ai.onnx" : domain;
    if (max !== undefined && version > max) {
      throw refusal(
        `the model uses opset ${version} of ${name}, and the engine reads up to ${max}; ` +
          `export with target_opset=${max} or lower`,
      );
    }
    if (version < 1) {
      throw refusal(`the model uses opset ${version} of ${quote(name)}, and opsets begin at 1`);
    }
  }
  if (model.irVersion > irVersionMax) {
    throw refusal(
      `the model has IR version ${model.irVersion}, and the engine reads up to ${irVersionMax}; ` +
        "export with an older onnx package",
    );
  }
}

function checkOperator(node: OnnxNode, functions: ReadonlySet<string>): void {
  if (engineDomains.has(node.domain) || functions.has(`${node.domain}:${node.op}`)) return;
  const place = node.name === "" ? "" : ` of node ${quote(node.name)}`;
  const found = `operator ${quote(`${node.domain}:${node.op}`)}${place}`;
  throw refusal(
    node.domain === extensionsDomain
      ? `${found} needs onnxruntime-extensions, which is not part of the engine; ` +
          "do this step before the model and export the rest"
      : `${found} is a custom operator that the engine does not know; ` +
          "export the model with standard operators",
  );
}

function checkLocale(node: OnnxNode, hasLocale: (name: string) => boolean): void {
  if (node.op !== "StringNormalizer" || node.domain !== "") return;
  const action = node.attribute("case_change_action")?.string ?? "NONE";
  const isCaseSensitive = (node.attribute("is_case_sensitive")?.int ?? 0n) !== 0n;
  const stopwords = node.attribute("stopwords")?.strings.length ?? 0;
  const isNeeded = action !== "NONE" || (!isCaseSensitive && stopwords > 0);
  if (!isNeeded) return;
  const locale = node.attribute("locale")?.string || defaultLocale;
  if (hasLocale(locale)) return;
  throw refusal(
    `operator StringNormalizer needs the locale ${quote(locale)}, which this machine lacks; ` +
      "install it (Debian: apt-get install locales, then `localedef -i en_US -f UTF-8 " +
      "en_US.UTF-8`) or name a folder that holds it in LOCPATH",
  );
}

function checkNames(graph: OnnxGraph): void {
  const groups = [
    ["input", graph.inputs],
    ["output", graph.outputs],
    ["initializer", graph.initializers],
  ] as const;
  for (const [kind, values] of groups) {
    // Bounded by the read budget.
    const seen = new Set<string>();
    for (const { name } of values) {
      if (seen.has(name)) {
        throw refusal(`${kind} ${quote(name)} is there twice; give each a name of its own`);
      }
      seen.add(name);
    }
  }
}

function checkStoredSize(tensor: OnnxTensor): void {
  let count = 1;
  for (const each of tensor.shape) {
    if (each < 0) throw refusal(`tensor ${quote(tensor.name)} has a negative dimension ${each}`);
    count *= each;
  }
  if (tensor.isExternal || tensor.rawBytes === undefined) return;
  const expected = elementBytes(tensor.elementType, count);
  if (expected === undefined || expected === tensor.rawBytes) return;
  throw refusal(
    `tensor ${quote(tensor.name)} holds ${tensor.rawBytes} bytes, and its shape ` +
      `[${tensor.shape.slice(0, 8).join(",")}] needs ${expected}; the file is damaged`,
  );
}

function refusal(message: string, limit?: LimitName): ServingError {
  return new ServingError("MODEL_INVALID", message, limit === undefined ? {} : { limit });
}
