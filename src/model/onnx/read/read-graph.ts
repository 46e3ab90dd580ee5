/**
 * Reads a GraphProto and what lies in it: nodes, values, types and the bodies of Loop, If, Scan.
 *
 * Attributes stay views of the file until somebody asks for one by name, because a tree ensemble
 * keeps millions of numbers in them. Their tensors are read at once: external data may hide there.
 */
import {
  type AttributeValue,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  readElementsMax,
} from "../onnx-model.ts";
import type { OnnxDimension, OnnxType, OnnxValue } from "../onnx-value.ts";
import { guardRead } from "./guard-read.ts";
import type { ReadBudget } from "./read-budget.ts";
import { readSparseTensors, readTensor } from "./read-tensor.ts";
import { bytesKey, readInt, readInts, varintKey, walkFields } from "./wire.ts";

/** Where a read stands: the limits that are left and every tensor found so far. */
export interface Reading {
  readonly budget: ReadBudget;
  /** Bounded by the budget. */
  readonly tensors: OnnxTensor[];
}

const graphKey = {
  node: bytesKey(1),
  initializer: bytesKey(5),
  input: bytesKey(11),
  output: bytesKey(12),
  sparseInitializer: bytesKey(15),
};

/** @throws MODEL_INVALID past a limit; Error when the bytes are not a message */
export function readGraph(bytes: Uint8Array, reading: Reading, depth: number): OnnxGraph {
  reading.budget.checkGraphDepth(depth);
  const nodes: OnnxNode[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const initializers: OnnxTensor[] = [];
  walkFields(bytes, (field, reader) => {
    switch (field) {
      case graphKey.node:
        nodes.push(readNode(reader.bytes(), reading, depth));
        return true;
      case graphKey.initializer:
        initializers.push(takeTensor(readTensor(reader.bytes()), reading));
        return true;
      case graphKey.sparseInitializer: {
        const [values, indices] = readSparseTensors(reader.bytes());
        if (values !== undefined) initializers.push(takeTensor(values, reading));
        if (indices !== undefined) takeTensor(indices, reading);
        return true;
      }
      case graphKey.input:
        inputs.push(readValue(reader.bytes(), reading));
        return true;
      case graphKey.output:
        outputs.push(readValue(reader.bytes(), reading));
        return true;
      default:
        return false;
    }
  });
  return { nodes, inputs, outputs, initializers };
}

function takeTensor(tensor: OnnxTensor, reading: Reading): OnnxTensor {
  reading.budget.takePart();
  reading.tensors.push(tensor);
  return tensor;
}

/** @throws MODEL_INVALID past a limit; Error when the bytes are not a message */
export function readNode(bytes: Uint8Array, reading: Reading, depth: number): OnnxNode {
  reading.budget.takeNode();
  const inputs: string[] = [];
  const outputs: string[] = [];
  const graphs: OnnxGraph[] = [];
  const attributes: Uint8Array[] = [];
  let [op, domain, name] = ["", "", ""];
  walkFields(bytes, (field, reader) => {
    switch (field) {
      case bytesKey(1):
        reading.budget.takePart();
        inputs.push(reader.string());
        return true;
      case bytesKey(2):
        reading.budget.takePart();
        outputs.push(reader.string());
        return true;
      case bytesKey(3):
        name = reader.string();
        return true;
      case bytesKey(4):
        op = reader.string();
        return true;
      case bytesKey(5): {
        reading.budget.takePart();
        const attribute = reader.bytes();
        attributes.push(attribute);
        graphs.push(...readAttributeParts(attribute, reading, depth));
        return true;
      }
      case bytesKey(7):
        domain = reader.string();
        return true;
      default:
        return false;
    }
  });
  if (domain === "ai.onnx") domain = "";
  const attribute = (wanted: string) => guardRead(() => find(attributes, wanted));
  return { op, domain, name, inputs, outputs, graphs, attribute };
}

/** Subgraphs of an attribute; its tensors are only noted. */
function readAttributeParts(bytes: Uint8Array, reading: Reading, depth: number): OnnxGraph[] {
  const graphs: OnnxGraph[] = [];
  walkFields(bytes, (field, reader) => {
    switch (field) {
      case bytesKey(5):
      case bytesKey(10):
        takeTensor(readTensor(reader.bytes()), reading);
        return true;
      case bytesKey(6):
      case bytesKey(11):
        graphs.push(readGraph(reader.bytes(), reading, depth + 1));
        return true;
      case bytesKey(22):
      case bytesKey(23):
        for (const each of readSparseTensors(reader.bytes())) takeTensor(each, reading);
        return true;
      default:
        return false;
    }
  });
  return graphs;
}

function find(attributes: readonly Uint8Array[], name: string): AttributeValue | undefined {
  for (const bytes of attributes) {
    let found = "";
    walkFields(bytes, (field, reader) => {
      if (field !== bytesKey(1)) return false;
      found = reader.string();
      return true;
    });
    if (found === name) return readAttribute(bytes);
  }
  return undefined;
}

function readAttribute(bytes: Uint8Array): AttributeValue {
  let int: bigint | undefined;
  let string: string | undefined;
  let tensor: OnnxTensor | undefined;
  const ints: bigint[] = [];
  const strings: string[] = [];
  walkFields(bytes, (field, reader) => {
    if (field === varintKey(3)) int = BigInt(reader.int64());
    else if (field === bytesKey(4)) string = reader.string();
    else if (field === bytesKey(5)) tensor = readTensor(reader.bytes());
    else if (field === varintKey(8)) readInts(reader, false, ints);
    else if (field === bytesKey(8)) readInts(reader, true, ints);
    else if (field === bytesKey(9) && strings.length < readElementsMax) {
      strings.push(reader.string());
    } else return false;
    return true;
  });
  return { int, string, ints, strings, tensor };
}

function readValue(bytes: Uint8Array, reading: Reading): OnnxValue {
  reading.budget.takePart();
  let name = "";
  let type: OnnxType | undefined;
  walkFields(bytes, (field, reader) => {
    if (field === bytesKey(1)) name = reader.string();
    else if (field === bytesKey(2)) type = readType(reader.bytes(), reading);
    else return false;
    return true;
  });
  return { name, type };
}

/** Kinds that are not plain tensors, by their field in TypeProto. */
const otherKinds: Readonly<Record<number, Exclude<OnnxType["kind"], "tensor">>> = {
  [bytesKey(4)]: "sequence",
  [bytesKey(5)]: "map",
  [bytesKey(7)]: "opaque",
  [bytesKey(8)]: "sparse tensor",
  [bytesKey(9)]: "optional",
};

/** Only the outermost kind matters: what is not a tensor cannot be offered, whatever is in it. */
function readType(bytes: Uint8Array, reading: Reading): OnnxType | undefined {
  let type: OnnxType | undefined;
  walkFields(bytes, (field, reader) => {
    const other = otherKinds[field];
    if (field === bytesKey(1)) type = readTensorType(reader.bytes(), reading);
    else if (other === undefined) return false;
    else {
      type = { kind: other };
      reader.bytes();
    }
    return true;
  });
  return type;
}

function readTensorType(bytes: Uint8Array, reading: Reading): OnnxType {
  let elementType = 0;
  let shape: OnnxDimension[] | undefined;
  walkFields(bytes, (field, reader) => {
    if (field === varintKey(1)) elementType = reader.int32();
    else if (field === bytesKey(2)) shape = readShape(reader.bytes(), reading);
    else return false;
    return true;
  });
  return { kind: "tensor", elementType, shape };
}

function readShape(bytes: Uint8Array, reading: Reading): OnnxDimension[] {
  const shape: OnnxDimension[] = [];
  walkFields(bytes, (field, reader) => {
    if (field !== bytesKey(1)) return false;
    reading.budget.takePart();
    let dimension: OnnxDimension;
    walkFields(reader.bytes(), (part, inner) => {
      if (part === varintKey(1)) dimension = readInt(inner);
      else if (part === bytesKey(2)) dimension = inner.string() || undefined;
      else return false;
      return true;
    });
    const isNegative = typeof dimension === "number" && dimension < 0;
    shape.push(isNegative ? undefined : dimension);
    return true;
  });
  return shape;
}
