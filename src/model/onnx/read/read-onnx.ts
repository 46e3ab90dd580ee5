/**
 * Reads a ModelProto: everything that is known about a model except its weights.
 *
 * Written by hand instead of generated, because skipping weights and bounding nodes and depth
 * while reading is the point. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { ServingError } from "../../../base/index.ts";
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from "../onnx-model.ts";
import { guardRead } from "./guard-read.ts";
import { ReadBudget } from "./read-budget.ts";
import { type Reading, readGraph, readNode } from "./read-graph.ts";
import { bytesKey, readInt, readPair, varintKey, walkFields } from "./wire.ts";

/** @throws MODEL_INVALID when the bytes are no model or pass a limit */
export function readOnnx(bytes: Uint8Array, nodesMax: number): OnnxModel {
  return guardRead(() => readModel(bytes, nodesMax));
}

interface Texts {
  producerName: string;
  producerVersion: string;
  domain: string;
  doc: string;
}

const textKeys: Readonly<Record<number, keyof Texts>> = {
  [bytesKey(2)]: "producerName",
  [bytesKey(3)]: "producerVersion",
  [bytesKey(4)]: "domain",
  [bytesKey(6)]: "doc",
};

function readModel(bytes: Uint8Array, nodesMax: number): OnnxModel {
  const reading: Reading = { budget: new ReadBudget(nodesMax), tensors: [] };
  const texts: Texts = { producerName: "", producerVersion: "", domain: "", doc: "" };
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions: OnnxFunction[] = [];
  let [irVersion, modelVersion] = [0, 0];
  let graph: OnnxGraph | undefined;
  walkFields(bytes, (field, reader) => {
    const text = textKeys[field];
    if (text !== undefined) texts[text] = reader.string();
    else if (field === varintKey(1)) irVersion = readInt(reader);
    else if (field === varintKey(5)) modelVersion = readInt(reader);
    else if (field === bytesKey(7)) {
      // Protobuf would merge two, and what is checked must be what the engine reads.
      if (graph !== undefined) throw new RangeError("two graphs");
      graph = readGraph(reader.bytes(), reading, 0);
    } else if (field === bytesKey(8)) readOpset(reader.bytes(), opsets, reading);
    else if (field === bytesKey(14)) {
      reading.budget.takePart();
      metadata.set(...readPair(reader.bytes()));
    } else if (field === bytesKey(25)) functions.push(readFunction(reader.bytes(), reading));
    else return false;
    return true;
  });
  if (graph === undefined) {
    throw new ServingError(
      "MODEL_INVALID",
      "the file holds no ONNX graph: it is cut short or of another format; export it again",
    );
  }
  return {
    ...texts,
    format: "onnx",
    irVersion,
    modelVersion,
    opsets,
    metadata,
    graph,
    functions,
    tensors: reading.tensors,
    nodeCount: reading.budget.nodeCount,
  };
}

function readOpset(bytes: Uint8Array, opsets: Map<string, number>, reading: Reading): void {
  reading.budget.takePart();
  let domain = "";
  let version = 0;
  walkFields(bytes, (field, reader) => {
    if (field === bytesKey(1)) domain = reader.string();
    else if (field === varintKey(2)) version = readInt(reader);
    else return false;
    return true;
  });
  const known = domain === "ai.onnx" ? "" : domain;
  opsets.set(known, Math.max(version, opsets.get(known) ?? version));
}

function readFunction(bytes: Uint8Array, reading: Reading): OnnxFunction {
  reading.budget.takePart();
  const nodes: OnnxNode[] = [];
  let [name, domain] = ["", ""];
  walkFields(bytes, (field, reader) => {
    if (field === bytesKey(1)) name = reader.string();
    else if (field === bytesKey(7)) nodes.push(readNode(reader.bytes(), reading, 0));
    else if (field === bytesKey(10)) domain = reader.string();
    else return false;
    return true;
  });
  return { domain: domain === "ai.onnx" ? "" : domain, name, nodes };
}
