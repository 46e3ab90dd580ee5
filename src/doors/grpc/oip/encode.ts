/**
 * Writes a ModelInferResponse in one buffer: names, heads of the outputs, then their raw bytes.
 *
 * Outputs always travel raw: every client reads that, and some read nothing else. What never
 * changes for a version is made once. Tensors over `copyBytesMax` are not copied into the buffer;
 * they follow it as they lie.
 */
import type { ServedVersion, ShownOutput } from "../../../service/index.ts";
import { type Tensor, tensorBytes, writeBinary } from "../../../tensor/index.ts";
import { newFrame } from "../encode.ts";
import { fieldSize, textField, varintSize, writeHead, writeVarint } from "../wire/writer.ts";

export interface InferReply {
  readonly served: ServedVersion;
  readonly id: string | undefined;
  /** In the order asked. */
  readonly outputs: readonly ShownOutput[];
}

/** One message: a frame, and what follows it. */
export interface EncodedReply {
  readonly frame: Buffer;
  readonly rest: readonly Uint8Array[];
}

/** Tensors up to this are copied into the frame, byte. */
const copyBytesMax = 64 * 1024;

/** The names that open the replies of a version; an entry goes with its version. */
const namesOf = new WeakMap<ServedVersion, Buffer>();
/** Name and datatype of an output as bytes; bounded by the outputs of what is served. */
const headsOf = new WeakMap<ServedVersion, Map<string, Buffer>>();

/** Field numbers of ModelInferResponse and of its outputs. */
const field = { name: 1, version: 2, id: 3, outputs: 5, raw: 6, tensorShape: 3 } as const;

/** The whole message in a frame. */
export function encodeReply(reply: InferReply): EncodedReply {
  const plan = planOf(reply);
  const { frame, at } = newFrame(plan.size, plan.size - plan.apartBytes);
  return write(frame, at, plan);
}

/** The same as field 2 of a ModelStreamInferResponse. */
export function encodeStreamReply(reply: InferReply): EncodedReply {
  const plan = planOf(reply);
  const length = fieldSize(plan.size);
  const { frame, at } = newFrame(length, length - plan.apartBytes);
  return write(frame, writeHead(frame, at, { field: 2, length: plan.size }), plan);
}

/** A ModelStreamInferResponse that says why request `id` failed. */
export function encodeStreamError(message: string, id: string | undefined): Buffer {
  const text = textField(1, message);
  const inner = textField(field.id, id ?? "");
  const { frame, at } = newFrame(text.length + fieldSize(inner.length));
  text.copy(frame, at);
  const head = { field: 2, length: inner.length };
  inner.copy(frame, writeHead(frame, at + text.length, head));
  return frame;
}

interface OutputPlan {
  readonly head: Buffer;
  readonly tensor: Tensor;
  /** Bytes of the packed shape, without tag and length. */
  readonly shapeSize: number;
  /** Bytes of the InferOutputTensor. */
  readonly size: number;
  readonly bytes: number;
}

interface Plan {
  readonly names: Buffer;
  readonly id: Buffer;
  readonly outputs: readonly OutputPlan[];
  /** Bytes of the message. */
  readonly size: number;
  /** Bytes of those tensors that are not copied: the first large one and all behind it. */
  readonly apartBytes: number;
}

function planOf({ served, id, outputs }: InferReply): Plan {
  const names = replyNames(served);
  const idBytes = id === undefined ? noBytes : textField(field.id, id);
  let size = names.length + idBytes.length;
  let apartBytes = 0;
  const plans: OutputPlan[] = [];
  for (const { name, tensor } of outputs) {
    const head = outputHead(served, name, tensor);
    let shapeSize = 0;
    for (const dimension of tensor.shape) shapeSize += varintSize(dimension);
    const own = head.length + (shapeSize === 0 ? 0 : fieldSize(shapeSize));
    const bytes = tensorBytes(tensor);
    plans.push({ head, tensor, shapeSize, size: own, bytes });
    size += fieldSize(own) + fieldSize(bytes);
    if (apartBytes > 0 || bytes > copyBytesMax) apartBytes += bytes;
  }
  return { names, id: idBytes, outputs: plans, size, apartBytes };
}

/** Writes up to the first tensor that is not copied; from there on parts follow. */
function write(frame: Buffer, from: number, { names, id, outputs }: Plan): EncodedReply {
  let at = from;
  at += names.copy(frame, at);
  at += id.copy(frame, at);
  for (const { head, tensor, shapeSize, size } of outputs) {
    at = writeHead(frame, at, { field: field.outputs, length: size });
    at += head.copy(frame, at);
    if (shapeSize === 0) continue;
    at = writeHead(frame, at, { field: field.tensorShape, length: shapeSize });
    for (const dimension of tensor.shape) at = writeVarint(frame, at, dimension);
  }
  const rest: Uint8Array[] = [];
  let end = at;
  for (const { tensor, bytes } of outputs) {
    const head = at;
    at = writeHead(frame, at, { field: field.raw, length: bytes });
    const isApart = rest.length > 0 || bytes > copyBytesMax;
    if (!isApart) {
      frame.set(writeBinary(tensor), at);
      at += bytes;
      end = at;
      continue;
    }
    if (rest.length === 0) end = at;
    else rest.push(frame.subarray(head, at));
    rest.push(writeBinary(tensor));
  }
  return { frame: frame.subarray(0, end), rest };
}

function replyNames(served: ServedVersion): Buffer {
  const known = namesOf.get(served);
  if (known !== undefined) return known;
  const made = Buffer.concat([
    textField(field.name, served.model),
    textField(field.version, served.version),
  ]);
  namesOf.set(served, made);
  return made;
}

/** Classes have another datatype than their output, so both make the key. */
function outputHead(served: ServedVersion, name: string, { dtype }: Tensor): Buffer {
  let heads = headsOf.get(served);
  if (heads === undefined) {
    heads = new Map();
    headsOf.set(served, heads);
  }
  const key = `${dtype} ${name}`;
  const known = heads.get(key);
  if (known !== undefined) return known;
  const made = Buffer.concat([textField(1, name), textField(2, dtype)]);
  heads.set(key, made);
  return made;
}

const noBytes = Buffer.alloc(0);
