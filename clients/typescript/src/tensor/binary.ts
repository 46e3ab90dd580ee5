/**
 * Tensors as raw bytes, both ways: little endian, row-major, no padding; a BYTES element is its
 * length (u32) and its bytes.
 *
 * Numbers are views where alignment allows, so a large tensor is not copied. Every runtime of
 * today is little endian; on another one this refuses to work rather than to answer nonsense.
 */
import { invalidInput, MillraceError } from "../millrace-error.ts";
import {
  type Datatype,
  datatypeOf,
  datatypes,
  type ElementsOf,
  type Tensor,
  type TensorInput,
} from "./tensor.ts";

/** A tensor ready to be sent. */
export interface RawTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** @throws INVALID_INPUT when data, datatype and shape do not go together */
export function writeRaw(name: string, input: TensorInput): RawTensor {
  if (!isLittleEndian) throw new MillraceError("UNSUPPORTED", "this machine is big endian");
  const datatype = datatypeOf(name, input);
  const { data, shape } = input;
  const wanted = elementsOf(name, shape);
  const given = ArrayBuffer.isView(data)
    ? data.byteLength / (datatypes[datatype].bytes || 1)
    : data.length;
  if (given !== wanted) {
    const text = `shape [${shape.join(", ")}] wants ${wanted} elements, got ${given}`;
    throw invalidInput(name, text);
  }
  return { name, datatype, shape, bytes: bytesOf(name, data) };
}

function elementsOf(name: string, shape: readonly number[]): number {
  for (const size of shape) {
    if (Number.isInteger(size) && size >= 0) continue;
    throw invalidInput(name, `shape: expected whole numbers of 0 or more, got ${size}`);
  }
  return shape.reduce((product, size) => product * size, 1);
}

function bytesOf(name: string, data: TensorInput["data"]): Uint8Array {
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (typeof data[0] === "boolean") {
    return Uint8Array.from({ length: data.length }, (_, index) => (data[index] === true ? 1 : 0));
  }
  const parts: Uint8Array[] = [];
  let total = 0;
  for (const [index, element] of data.entries()) {
    const bytes = elementBytes(`${name}[${index}]`, element);
    parts.push(bytes);
    total += 4 + bytes.length;
  }
  const whole = new Uint8Array(total);
  const view = new DataView(whole.buffer);
  let at = 0;
  for (const bytes of parts) {
    view.setUint32(at, bytes.length, true);
    whole.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return whole;
}

const encoder = new TextEncoder();

function elementBytes(field: string, element: string | boolean | Uint8Array): Uint8Array {
  if (element instanceof Uint8Array) return element;
  if (typeof element !== "string") throw invalidInput(field, "expected a text or a byte array");
  if (!element.isWellFormed()) throw invalidInput(field, "holds half a surrogate pair");
  return encoder.encode(element);
}

/** The arrays of the datatypes that are views of the bytes. */
const makers: {
  readonly [D in Exclude<Datatype, "BYTES">]: (
    buffer: ArrayBuffer,
    at: number,
    count: number,
  ) => ElementsOf[D];
} = {
  BOOL: (buffer, at, count) => new Uint8Array(buffer, at, count),
  INT8: (buffer, at, count) => new Int8Array(buffer, at, count),
  INT16: (buffer, at, count) => new Int16Array(buffer, at, count),
  INT32: (buffer, at, count) => new Int32Array(buffer, at, count),
  INT64: (buffer, at, count) => new BigInt64Array(buffer, at, count),
  UINT8: (buffer, at, count) => new Uint8Array(buffer, at, count),
  UINT16: (buffer, at, count) => new Uint16Array(buffer, at, count),
  UINT32: (buffer, at, count) => new Uint32Array(buffer, at, count),
  UINT64: (buffer, at, count) => new BigUint64Array(buffer, at, count),
  FP16: (buffer, at, count) => new Uint16Array(buffer, at, count),
  BF16: (buffer, at, count) => new Uint16Array(buffer, at, count),
  FP32: (buffer, at, count) => new Float32Array(buffer, at, count),
  FP64: (buffer, at, count) => new Float64Array(buffer, at, count),
};

/** The numbers of a tensor; a view of `bytes`, or a copy where it does not lie on a boundary. */
export function numbersOf(
  datatype: Exclude<Datatype, "BYTES">,
  bytes: Uint8Array<ArrayBuffer>,
): ElementsOf[Datatype] {
  const size = datatypes[datatype].bytes;
  const whole = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return makers[datatype](whole.buffer, whole.byteOffset, bytes.length / size);
}

/** What is read: the description of the tensor in the reply. */
export interface TensorHead {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** @throws INVALID_REPLY when the bytes are not those of such a tensor */
export function readRaw(head: TensorHead, bytes: Uint8Array<ArrayBuffer>): Tensor {
  const { name, datatype, shape } = head;
  const wanted = shape.reduce((product, size) => product * size, 1);
  if (datatype === "BYTES") return new BytesTensor(name, shape, splitBytes(head, bytes, wanted));
  if (bytes.length !== wanted * datatypes[datatype].bytes) throw wrongSize(name, wanted);
  return { datatype, shape, data: numbersOf(datatype, bytes) } as Tensor;
}

function wrongSize(name: string, wanted: number): MillraceError {
  const message = `output '${name}' has other bytes than ${wanted} elements take`;
  return new MillraceError("INVALID_REPLY", message);
}

function splitBytes(
  { name }: TensorHead,
  bytes: Uint8Array<ArrayBuffer>,
  wanted: number,
): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at + 4 <= bytes.length && parts.length < wanted) {
    const end = at + 4 + view.getUint32(at, true);
    parts.push(bytes.subarray(at + 4, end));
    at = end;
  }
  if (at !== bytes.length || parts.length !== wanted) throw wrongSize(name, wanted);
  return parts;
}

/** A BYTES tensor whose texts are decoded when they are asked for. */
class BytesTensor {
  readonly datatype = "BYTES";
  readonly shape: readonly number[];
  readonly bytes: readonly Uint8Array[];
  readonly #name: string;
  #texts: readonly string[] | undefined;

  constructor(name: string, shape: readonly number[], bytes: readonly Uint8Array[]) {
    this.#name = name;
    this.shape = shape;
    this.bytes = bytes;
  }

  /** @throws OUTPUT_NOT_REPRESENTABLE when an element is no UTF-8; `bytes` has it as it is */
  get data(): readonly string[] {
    this.#texts ??= this.#decode();
    return this.#texts;
  }

  #decode(): readonly string[] {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return this.bytes.map((element, index) => {
      try {
        return decoder.decode(element);
      } catch (cause) {
        const message = `${this.#name}[${index}] is no UTF-8; read 'bytes' of the tensor`;
        throw new MillraceError("OUTPUT_NOT_REPRESENTABLE", message, { cause });
      }
    });
  }
}
