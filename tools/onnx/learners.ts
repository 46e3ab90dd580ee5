/**
 * Classifiers and networks with fixed or seeded weights, in the form the usual exporters give them.
 *
 * Weights are drawn from a seed, so the same call gives the same bytes on every machine.
 */
import { seededRandom } from "../../src/base/index.ts";
import { tensorValue, writeModel } from "./builder.ts";
import type { ModelSource, NodeSource } from "./model-source.ts";

const ml = "ai.onnx.ml";

export interface ClassifierShape {
  readonly features: number;
  /** Class labels: strings or whole numbers; at least two. */
  readonly labels: readonly string[] | readonly number[];
  /** True gives the probabilities as a sequence of maps, as skl2onnx does unless told not to. */
  readonly hasZipMap: boolean;
  readonly seed?: number;
}

/** Logistic regression: FP32 `float_input [?, features]` in, `label` and `probabilities` out. */
export function linearClassifier(shape: ClassifierShape): Uint8Array {
  const random = seededRandom(shape.seed ?? 1);
  const classes = shape.labels.length;
  const draw = (length: number) => Array.from({ length }, () => random.next() * 2 - 1);
  const node: NodeSource = {
    op: "LinearClassifier",
    domain: ml,
    inputs: ["float_input"],
    outputs: ["label", "scores"],
    attributes: {
      ...labelAttribute("classlabels", shape.labels, "ints"),
      coefficients: { floats: draw(classes * shape.features) },
      intercepts: { floats: draw(classes) },
      multi_class: { int: 1 },
      post_transform: { string: "SOFTMAX" },
    },
  };
  const normalizer: NodeSource = {
    op: "Normalizer",
    domain: ml,
    inputs: ["scores"],
    outputs: ["proba"],
    attributes: { norm: { string: "L1" } },
  };
  return writeModel(classifier(shape, [node, normalizer], "proba"));
}

export interface ForestShape extends ClassifierShape {
  readonly trees: number;
  /** Levels of inner nodes; a tree has 2^depth leaves. */
  readonly depth: number;
}

interface TreeColumns {
  readonly treeids: number[];
  readonly nodeids: number[];
  readonly featureids: number[];
  readonly values: number[];
  readonly modes: string[];
  readonly trueIds: number[];
  readonly falseIds: number[];
  readonly leafTreeids: number[];
  readonly leafNodeids: number[];
  readonly leafIds: number[];
  readonly leafWeights: number[];
}

/** Complete trees with random thresholds in [-1, 1); each leaf votes for one random class. */
export function treeEnsemble(shape: ForestShape): Uint8Array {
  const columns = drawTrees(shape);
  const node: NodeSource = {
    op: "TreeEnsembleClassifier",
    domain: ml,
    inputs: ["float_input"],
    outputs: ["label", "proba"],
    attributes: {
      ...labelAttribute("classlabels", shape.labels, "int64s"),
      nodes_treeids: { ints: columns.treeids },
      nodes_nodeids: { ints: columns.nodeids },
      nodes_featureids: { ints: columns.featureids },
      nodes_values: { floats: columns.values },
      nodes_modes: { strings: columns.modes },
      nodes_truenodeids: { ints: columns.trueIds },
      nodes_falsenodeids: { ints: columns.falseIds },
      class_treeids: { ints: columns.leafTreeids },
      class_nodeids: { ints: columns.leafNodeids },
      class_ids: { ints: columns.leafIds },
      class_weights: { floats: columns.leafWeights },
      post_transform: { string: "NONE" },
    },
  };
  return writeModel(classifier(shape, [node], "proba"));
}

function drawTrees(shape: ForestShape): TreeColumns {
  const random = seededRandom(shape.seed ?? 1);
  const columns: TreeColumns = {
    treeids: [],
    nodeids: [],
    featureids: [],
    values: [],
    modes: [],
    trueIds: [],
    falseIds: [],
    leafTreeids: [],
    leafNodeids: [],
    leafIds: [],
    leafWeights: [],
  };
  const inner = 2 ** shape.depth - 1;
  for (let tree = 0; tree < shape.trees; tree += 1) {
    for (let node = 0; node < 2 * inner + 1; node += 1) {
      const isLeaf = node >= inner;
      columns.treeids.push(tree);
      columns.nodeids.push(node);
      columns.featureids.push(isLeaf ? 0 : Math.floor(random.next() * shape.features));
      columns.values.push(isLeaf ? 0 : random.next() * 2 - 1);
      columns.modes.push(isLeaf ? "LEAF" : "BRANCH_LEQ");
      columns.trueIds.push(isLeaf ? 0 : 2 * node + 1);
      columns.falseIds.push(isLeaf ? 0 : 2 * node + 2);
      if (!isLeaf) continue;
      columns.leafTreeids.push(tree);
      columns.leafNodeids.push(node);
      columns.leafIds.push(Math.floor(random.next() * shape.labels.length));
      columns.leafWeights.push(1 / shape.trees);
    }
  }
  return columns;
}

function labelAttribute(prefix: string, labels: ClassifierShape["labels"], whole: string) {
  const isText = labels.some((each) => typeof each === "string");
  if (isText) return { [`${prefix}_strings`]: { strings: labels.map(String) } };
  return { [`${prefix}_${whole}`]: { ints: labels.map(Number) } };
}

/** Adds what follows a classifier: the ZipMap, or the probabilities under their public name. */
function classifier(
  shape: ClassifierShape,
  nodes: readonly NodeSource[],
  scores: string,
): ModelSource {
  const isText = typeof shape.labels[0] === "string";
  const element = isText ? "BYTES" : "INT64";
  const last: NodeSource = shape.hasZipMap
    ? {
        op: "ZipMap",
        domain: ml,
        inputs: [scores],
        outputs: ["probabilities"],
        attributes: labelAttribute("classlabels", shape.labels, "int64s"),
      }
    : { op: "Identity", inputs: [scores], outputs: ["probabilities"] };
  const maps = { sequence: { map: [element, { tensor: "FP32" }] } } as const;
  return {
    nodes: [...nodes, last],
    inputs: [tensorValue("float_input", "FP32", [null, shape.features])],
    outputs: [
      tensorValue("label", element, [null]),
      shape.hasZipMap
        ? { name: "probabilities", type: maps }
        : tensorValue("probabilities", "FP32", [null, shape.labels.length]),
    ],
    producer: ["skl2onnx", "1.18.0"],
  };
}

/**
 * A dense network with ReLU between layers: FP32 `x [batch, widths[0]]` in, `y [batch, last]` out.
 *
 * @param widths layer widths, at least two (784, 512, 512, 10)
 */
export function mlp(widths: readonly number[], seed = 1): Uint8Array {
  const random = seededRandom(seed);
  const nodes: NodeSource[] = [];
  const initializers: NonNullable<ModelSource["initializers"]>[number][] = [];
  let from = "x";
  for (let layer = 1; layer < widths.length; layer += 1) {
    const [rows, columns] = [widths[layer - 1] ?? 0, widths[layer] ?? 0];
    const scale = Math.sqrt(2 / rows);
    const draw = (length: number) =>
      Float32Array.from({ length }, () => (random.next() * 2 - 1) * scale);
    const isLast = layer === widths.length - 1;
    const [weight, bias, sum] = [`w${layer}`, `b${layer}`, isLast ? "y" : `sum${layer}`];
    initializers.push(
      { name: weight, type: "FP32", shape: [rows, columns], values: draw(rows * columns) },
      { name: bias, type: "FP32", shape: [columns], values: draw(columns) },
    );
    nodes.push({ op: "Gemm", inputs: [from, weight, bias], outputs: [sum] });
    from = `relu${layer}`;
    if (!isLast) nodes.push({ op: "Relu", inputs: [sum], outputs: [from] });
  }
  return writeModel({
    nodes,
    inputs: [tensorValue("x", "FP32", ["batch", widths[0] ?? 0])],
    outputs: [tensorValue("y", "FP32", ["batch", widths.at(-1) ?? 0])],
    initializers,
  });
}
