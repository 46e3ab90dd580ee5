/**
 * Writes a PredictResponse: outputs by name, then the ModelSpec. Contract:
 * proto/tensorflow_serving.
 *
 * Elements leave in the list of their type, as that server sends them, because its clients read
 * `float_val` by name. Floats are copied as they lie, bit by bit; a large reply is not joined.
 */
import type { ServedVersion, ShownOutput } from "../../../service/index.ts";
import { type ByteStrings, type Tensor, writeBinary } from "../../../tensor/index.ts";
import { newFrame } from "../encode.ts";
import { fieldSize, textField, varintSize, writeHead, writeVarint } from "../wire/writer.ts";
import { replySpec } from "./model-spec.ts";
import { lists, typeNumbers } from "./types.ts";

/** One message: a frame, and what follows it. */
export interface EncodedReply {
  readonly frame: Buffer;
  readonly rest: readonly Uint8Array[];
}

/** Replies up to this are one buffer, byte. */
const copyBytesMax = 64 * 1024;

/** A PredictResponse in a frame. */
export function encodePredict(
  served: ServedVersion,
  outputs: readonly ShownOutput[],
): EncodedReply {
  const parts: Uint8Array[] = [];
  for (const output of outputs) {
    const payload = payloadOf(output.tensor);
    parts.push(headOf(output, payload.length));
    if (payload.length > 0) parts.push(payload);
  }
  parts.push(replySpec(served));
  return joined(parts);
}

/** The parts of a message in a frame, or behind its prefix where they are large. */
export function joined(parts: readonly Uint8Array[]): EncodedReply {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > copyBytesMax) return { frame: newFrame(length, 0).frame, rest: parts };
  const { frame, at } = newFrame(length);
  let place = at;
  for (const part of parts) {
    frame.set(part, place);
    place += part.length;
  }
  return { frame, rest: [] };
}

/** The elements as they stand in their list, without its tag and length. */
function payloadOf(tensor: Tensor): Uint8Array {
  if (tensor.dtype === "BYTES") return stringFields(tensor.elements);
  if (tensor.dtype === "FP32" || tensor.dtype === "FP64") return writeBinary(tensor);
  if (tensor.dtype === "INT64" || tensor.dtype === "UINT64") {
    return bigVarints(tensor.elements as BigInt64Array | BigUint64Array);
  }
  return smallVarints(tensor.elements as Int32Array);
}

/** Repeated fields of strings, each with its tag. */
function stringFields(elements: ByteStrings): Uint8Array {
  let size = 0;
  for (let index = 0; index < elements.length; index += 1) {
    size += fieldSize(elements.at(index).length);
  }
  const into = Buffer.allocUnsafe(size);
  let at = 0;
  for (let index = 0; index < elements.length; index += 1) {
    const element = elements.at(index);
    at = writeHead(into, at, { field: lists.BYTES.number, length: element.length });
    into.set(element, at);
    at += element.length;
  }
  return into;
}

/** A negative number travels as 64 bits: ten bytes. */
const negativeBytes = 10;

function smallVarints(elements: Int32Array): Uint8Array {
  let size = 0;
  for (const value of elements) size += value < 0 ? negativeBytes : varintSize(value);
  const into = Buffer.allocUnsafe(size);
  let at = 0;
  for (const value of elements) {
    at = value < 0 ? writeBig(into, at, BigInt(value)) : writeVarint(into, at, value);
  }
  return into;
}

function bigVarints(elements: BigInt64Array | BigUint64Array): Uint8Array {
  const into = Buffer.allocUnsafe(elements.length * negativeBytes);
  let at = 0;
  for (const value of elements) {
    const isSmall = value >= 0n && value <= Number.MAX_SAFE_INTEGER;
    at = isSmall ? writeVarint(into, at, Number(value)) : writeBig(into, at, value);
  }
  return into.subarray(0, at);
}

/** Writes 64 bits as a varint. @returns the place behind it */
function writeBig(into: Buffer, at: number, value: bigint): number {
  let place = at;
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    into[place] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
    place += 1;
  }
  into[place] = Number(rest);
  return place + 1;
}

/** All of an entry of `outputs` that stands ahead of its elements. */
function headOf({ name, tensor }: ShownOutput, payloadBytes: number): Buffer {
  const key = textField(1, name);
  const shape = shapeBytes(tensor.shape);
  const list = listHead(tensor, payloadBytes);
  const tensorBytes = 2 + fieldSize(shape.length) + list.length + payloadBytes;
  const entryBytes = key.length + fieldSize(tensorBytes);
  const headBytes = fieldSize(entryBytes) - payloadBytes;
  const head = Buffer.allocUnsafe(headBytes);
  let at = writeHead(head, 0, { field: 1, length: entryBytes });
  at += key.copy(head, at);
  at = writeHead(head, at, { field: 2, length: tensorBytes });
  head[at] = 8;
  head[at + 1] = typeNumbers[tensor.dtype];
  at = writeHead(head, at + 2, { field: 2, length: shape.length });
  at += shape.copy(head, at);
  list.copy(head, at);
  return head;
}

/** A TensorShapeProto. */
function shapeBytes(shape: readonly number[]): Buffer {
  const sizes = shape.map((size) => (size === 0 ? 0 : 1 + varintSize(size)));
  const into = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + fieldSize(size), 0));
  let at = 0;
  shape.forEach((size, dimension) => {
    at = writeHead(into, at, { field: 2, length: sizes[dimension] ?? 0 });
    if (size === 0) return;
    into[at] = 8;
    at = writeVarint(into, at + 1, size);
  });
  return into;
}

/** Tag and length of a packed list; nothing for strings, which have tags of their own. */
function listHead({ dtype }: Tensor, payloadBytes: number): Buffer {
  if (dtype === "BYTES" || payloadBytes === 0) return Buffer.alloc(0);
  const tag = (lists[dtype].number << 3) | 2;
  const into = Buffer.allocUnsafe(varintSize(tag) + varintSize(payloadBytes));
  writeVarint(into, writeVarint(into, 0, tag), payloadBytes);
  return into;
}
