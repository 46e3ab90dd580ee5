/**
 * Reads the ORT format: the engine's own flatbuffer form of a model, already optimised.
 *
 * Enough for the signature and the operators; a ZipMap in such a file cannot be rewritten. Slots
 * are those of the engine's schema (onnxruntime/core/flatbuffers/schema/ort.fbs).
 */
import type { AttributeValue, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../onnx-model.ts";
import { readElementsMax } from "../onnx-model.ts";
import type { OnnxDimension, OnnxType, OnnxValue } from "../onnx-value.ts";
import { FlatTable } from "./flatbuffer.ts";
import { guardRead } from "./guard-read.ts";
import { ReadBudget } from "./read-budget.ts";

/** Most entries of one vector of an `.ort` file that is read. */
const entriesMax = 1_000_000;
/** Highest rank of a tensor that is read. */
const rankMax = 64;
const identifier = "ORTM";

/** True when the bytes carry the mark of the ORT format. */
export function isOrtFormat(bytes: Uint8Array): boolean {
  return (
    bytes.byteLength >= 8 && Buffer.from(bytes.subarray(4, 8)).toString("latin1") === identifier
  );
}

/** @throws MODEL_INVALID when the bytes are no model or pass a limit */
export function readOrt(bytes: Uint8Array, nodesMax: number): OnnxModel {
  return guardRead(() => readSession(FlatTable.root(bytes), new ReadBudget(nodesMax)));
}

function readSession(session: FlatTable, budget: ReadBudget): OnnxModel {
  const model = session.table(1);
  const graphTable = model?.table(7);
  if (model === undefined || graphTable === undefined) throw new RangeError("no graph");
  const tensors: OnnxTensor[] = [];
  const graph = readGraph(graphTable, { budget, tensors }, 0);
  const pairs = model
    .tables(9, entriesMax)
    .map((each) => [each.string(0), each.string(1)] as const);
  const opsets = model.tables(1, entriesMax).map((each) => {
    const domain = each.string(0);
    return [domain === "ai.onnx" ? "" : domain, Number(each.int64(1))] as const;
  });
  return {
    format: "ort",
    irVersion: Number(model.int64(0)),
    producerName: model.string(2),
    producerVersion: model.string(3),
    domain: model.string(4),
    modelVersion: statedVersion(model.int64(5)),
    doc: model.string(6),
    opsets: new Map(opsets),
    metadata: new Map(pairs),
    graph,
    functions: [],
    tensors,
    nodeCount: budget.nodeCount,
  };
}

/** The engine writes the largest int64 for "none". */
function statedVersion(version: bigint): number {
  return version > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(version);
}

interface Reading {
  readonly budget: ReadBudget;
  /** Bounded by the budget. */
  readonly tensors: OnnxTensor[];
}

function readGraph(graph: FlatTable, reading: Reading, depth: number): OnnxGraph {
  reading.budget.checkGraphDepth(depth);
  const initializers = graph.tables(0, entriesMax).map((each) => readTensor(each, reading));
  // Bounded by the budget.
  const types = new Map<string, OnnxType | undefined>();
  for (const each of graph.tables(1, entriesMax))
    types.set(each.string(0), readType(each.table(2)));
  const nodes = graph.tables(2, entriesMax).map((each) => readNode(each, reading, depth));
  const value = (name: string): OnnxValue => ({ name, type: types.get(name) });
  return {
    nodes,
    initializers,
    inputs: names(graph, 5, reading).map(value),
    outputs: names(graph, 6, reading).map(value),
  };
}

/** A vector of names. Vectors may lie on each other, so each name is counted where it is used. */
function names(table: FlatTable, slot: number, reading: Reading): readonly string[] {
  const read = table.strings(slot, entriesMax);
  for (let index = 0; index < read.length; index += 1) reading.budget.takePart();
  return read;
}

function readTensor(tensor: FlatTable, reading: Reading): OnnxTensor {
  reading.budget.takePart();
  const read: OnnxTensor = {
    name: tensor.string(0),
    elementType: tensor.int32(3),
    shape: tensor.ints(2, rankMax).map(Number),
    isExternal: false,
    external: [],
    rawBytes: undefined,
    elements: () => guardRead(() => tensor.strings(5, readElementsMax)),
  };
  reading.tensors.push(read);
  return read;
}

function readNode(node: FlatTable, reading: Reading, depth: number): OnnxNode {
  reading.budget.takeNode();
  const attributes = node.tables(10, entriesMax);
  const graphs: OnnxGraph[] = [];
  for (const each of attributes) {
    reading.budget.takePart();
    const bodies = [each.table(7), ...each.tables(12, entriesMax)];
    for (const body of bodies) {
      if (body !== undefined) graphs.push(readGraph(body, reading, depth + 1));
    }
  }
  const domain = node.string(2);
  return {
    name: node.string(0),
    domain: domain === "ai.onnx" ? "" : domain,
    op: node.string(5),
    inputs: names(node, 8, reading),
    outputs: names(node, 9, reading),
    graphs,
    attribute: (name) =>
      guardRead(() => readAttribute(attributes.find((each) => each.string(0) === name))),
  };
}

function readAttribute(attribute: FlatTable | undefined): AttributeValue | undefined {
  if (attribute === undefined) return undefined;
  return {
    int: attribute.int64(4),
    string: attribute.string(5),
    ints: attribute.ints(9, readElementsMax),
    strings: attribute.strings(10, readElementsMax),
    tensor: undefined,
  };
}

/** TypeInfoValue: 1 tensor, 2 sequence, 3 map. */
function readType(type: FlatTable | undefined): OnnxType | undefined {
  const value = type?.table(2);
  if (type === undefined || value === undefined) return undefined;
  const kind = type.byte(1);
  if (kind === 2) return { kind: "sequence" };
  if (kind !== 1) return { kind: kind === 3 ? "map" : "opaque" };
  const shape = value.table(1)?.tables(0, rankMax).map(readDimension);
  return { kind: "tensor", elementType: value.int32(0), shape };
}

/** DimensionValue: 0 unknown, 1 a size, 2 a name. */
function readDimension(dimension: FlatTable): OnnxDimension {
  const value = dimension.table(0);
  const kind = value?.byte(0) ?? 0;
  if (value === undefined || kind === 0) return undefined;
  if (kind === 2) return value.string(2) || undefined;
  const size = Number(value.int64(1));
  return size < 0 ? undefined : size;
}
