/**
 * Writes ONNX models by hand: nodes, values and tensors in, the bytes of a ModelProto out.
 *
 * Models for tests, benches and generated demos are made here, so that no Python is needed and a
 * hostile or odd model is as easy to write as a good one: nothing is checked. Field numbers are
 * those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import {
  type ElementType,
  elementTypes,
  type GraphSource,
  type ModelSource,
  type NodeSource,
  type TensorSource,
  type ValueSource,
  type ValueType,
} from "./model-source.ts";

type Attribute = NonNullable<NodeSource["attributes"]>[string];
type FunctionSource = NonNullable<ModelSource["functions"]>[number];
type Dimensions = NonNullable<Extract<ValueType, { tensor: unknown }>["shape"]>;

/** The type of a tensor value; short for the usual case. */
export function tensorValue(name: string, type: ElementType, shape?: Dimensions): ValueSource {
  return { name, type: { tensor: type, shape } };
}

/** The bytes of a ModelProto. */
export function writeModel(source: ModelSource): Uint8Array<ArrayBuffer> {
  const out = new BinaryWriter();
  out.tag(1, WireType.Varint).int64(source.irVersion ?? 8);
  writeText(out, 2, source.producer?.[0]);
  writeText(out, 3, source.producer?.[1]);
  writeText(out, 4, source.domain);
  if (source.modelVersion !== undefined) out.tag(5, WireType.Varint).int64(source.modelVersion);
  writeText(out, 6, source.doc);
  out.tag(7, WireType.LengthDelimited).fork();
  writeGraph(out, source);
  out.join();
  writeOpsets(out, 8, source.opsets ?? { "": 17, "ai.onnx.ml": 3 });
  for (const pair of Object.entries(source.metadata ?? {})) writePair(out, 14, pair);
  for (const each of source.functions ?? []) writeFunction(out, each);
  return out.finish();
}

function writeFunction(out: BinaryWriter, source: FunctionSource): void {
  out.tag(25, WireType.LengthDelimited).fork();
  writeText(out, 1, source.name);
  for (const each of source.inputs) out.tag(4, WireType.LengthDelimited).string(each);
  for (const each of source.outputs) out.tag(5, WireType.LengthDelimited).string(each);
  for (const each of source.nodes) writeNode(out, 7, each);
  writeOpsets(out, 9, source.opsets);
  writeText(out, 10, source.domain);
  out.join();
}

function writeOpsets(out: BinaryWriter, field: number, opsets: Readonly<Record<string, number>>) {
  for (const [domain, version] of Object.entries(opsets)) {
    out.tag(field, WireType.LengthDelimited).fork();
    writeText(out, 1, domain);
    out.tag(2, WireType.Varint).int64(version).join();
  }
}

function writeGraph(out: BinaryWriter, source: GraphSource): void {
  for (const each of source.nodes) writeNode(out, 1, each);
  writeText(out, 2, source.name ?? "graph");
  for (const each of source.initializers ?? []) writeTensor(out, 5, each);
  for (const each of source.inputs) writeValue(out, 11, each);
  for (const each of source.outputs) writeValue(out, 12, each);
}

function writeNode(out: BinaryWriter, field: number, node: NodeSource): void {
  out.tag(field, WireType.LengthDelimited).fork();
  for (const each of node.inputs) out.tag(1, WireType.LengthDelimited).string(each);
  for (const each of node.outputs) out.tag(2, WireType.LengthDelimited).string(each);
  writeText(out, 3, node.name);
  writeText(out, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    out.tag(5, WireType.LengthDelimited).fork();
    writeText(out, 1, name);
    writeAttribute(out, value);
    out.join();
  }
  writeText(out, 7, node.domain);
  out.join();
}

function writeAttribute(out: BinaryWriter, value: Attribute): void {
  let kind = 0;
  if ("float" in value) {
    kind = 1;
    out.tag(2, WireType.Bit32).float(value.float);
  } else if ("int" in value) {
    kind = 2;
    out.tag(3, WireType.Varint).int64(value.int);
  } else if ("string" in value) {
    kind = 3;
    out.tag(4, WireType.LengthDelimited).string(value.string);
  } else if ("tensor" in value) {
    kind = 4;
    writeTensor(out, 5, value.tensor);
  } else if ("graph" in value) {
    kind = 5;
    out.tag(6, WireType.LengthDelimited).fork();
    writeGraph(out, value.graph);
    out.join();
  } else if ("floats" in value) {
    kind = 6;
    for (const each of value.floats) out.tag(7, WireType.Bit32).float(each);
  } else if ("ints" in value) {
    kind = 7;
    for (const each of value.ints) out.tag(8, WireType.Varint).int64(each);
  } else {
    kind = 8;
    for (const each of value.strings) out.tag(9, WireType.LengthDelimited).string(each);
  }
  out.tag(20, WireType.Varint).int32(kind);
}

function typeNumber(type: ElementType): number {
  return typeof type === "number" ? type : elementTypes[type];
}

function writeTensor(out: BinaryWriter, field: number, tensor: TensorSource): void {
  out.tag(field, WireType.LengthDelimited).fork();
  for (const each of tensor.shape) out.tag(1, WireType.Varint).int64(each);
  out.tag(2, WireType.Varint).int32(typeNumber(tensor.type));
  if (tensor.values !== undefined) writeElements(out, tensor.type, tensor.values);
  writeText(out, 8, tensor.name);
  for (const pair of tensor.external ?? []) writePair(out, 13, pair);
  if (tensor.external !== undefined) out.tag(14, WireType.Varint).int32(1);
  out.join();
}

function writeElements(
  out: BinaryWriter,
  type: ElementType,
  values: NonNullable<TensorSource["values"]>,
): void {
  if (ArrayBuffer.isView(values)) {
    const { buffer, byteOffset, byteLength } = values;
    out.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(buffer, byteOffset, byteLength));
    return;
  }
  for (const each of values) {
    if (type === "BYTES") out.tag(6, WireType.LengthDelimited).string(String(each));
    else if (type === "FP32") out.tag(4, WireType.Bit32).float(Number(each));
    else if (type === "FP64") out.tag(10, WireType.Bit64).double(Number(each));
    else if (type === "INT64") out.tag(7, WireType.Varint).int64(BigInt(each));
    else if (type === "UINT64" || type === "UINT32") {
      out.tag(11, WireType.Varint).uint64(BigInt(each));
    } else out.tag(5, WireType.Varint).int32(Number(each));
  }
}

function writeValue(out: BinaryWriter, field: number, value: ValueSource): void {
  out.tag(field, WireType.LengthDelimited).fork();
  writeText(out, 1, value.name);
  if (value.type !== undefined) writeType(out, 2, value.type);
  out.join();
}

function writeType(out: BinaryWriter, field: number, type: ValueType): void {
  out.tag(field, WireType.LengthDelimited).fork();
  if ("tensor" in type) writeShaped(out, 1, [type.tensor, type.shape]);
  else if ("sparse" in type) writeShaped(out, 8, [type.sparse, type.shape]);
  else {
    const holder = "sequence" in type ? 4 : "map" in type ? 5 : 9;
    out.tag(holder, WireType.LengthDelimited).fork();
    if ("map" in type) {
      out.tag(1, WireType.Varint).int32(typeNumber(type.map[0]));
      writeType(out, 2, type.map[1]);
    } else writeType(out, 1, "sequence" in type ? type.sequence : type.optional);
    out.join();
  }
  out.join();
}

function writeShaped(
  out: BinaryWriter,
  field: number,
  [type, shape]: readonly [ElementType, Dimensions | undefined],
): void {
  out.tag(field, WireType.LengthDelimited).fork();
  out.tag(1, WireType.Varint).int32(typeNumber(type));
  if (shape !== undefined) {
    out.tag(2, WireType.LengthDelimited).fork();
    for (const each of shape) {
      out.tag(1, WireType.LengthDelimited).fork();
      if (typeof each === "number") out.tag(1, WireType.Varint).int64(each);
      else writeText(out, 2, each ?? undefined);
      out.join();
    }
    out.join();
  }
  out.join();
}

function writePair(out: BinaryWriter, field: number, [key, value]: readonly [string, string]) {
  out.tag(field, WireType.LengthDelimited).fork();
  out.tag(1, WireType.LengthDelimited).string(key);
  out.tag(2, WireType.LengthDelimited).string(value).join();
}

function writeText(out: BinaryWriter, field: number, text: string | undefined): void {
  if (text !== undefined) out.tag(field, WireType.LengthDelimited).string(text);
}
