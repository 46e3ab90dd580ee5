/**
 * Tensors of ours to and from tensors of ONNX Runtime.
 *
 * Numbers are handed over as the views they are; strings become JS strings, because the binding
 * takes no others. An element that is not UTF-8, or that holds a NUL (the binding would cut it
 * there), is refused by name instead of being changed silently.
 */
import { isAscii, isUtf8 } from "node:buffer";
import type { Tensor as OrtTensor } from "onnxruntime-node";
import { ServingError } from "../../base/index.ts";
import { ByteStrings, type Dtype, makeTensor, type Tensor } from "../../tensor/index.ts";
import { onnxRuntime } from "./runtime.ts";

/** ONNX Runtime's name of each dtype; BF16 has none (the binding cannot exchange it). */
const ortTypes: Readonly<Record<Dtype, OrtTensor.Type | undefined>> = {
  BOOL: "bool",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  FP16: "float16",
  BF16: undefined,
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
};

/** The engine's name of a dtype, or `undefined` when it cannot exchange it. */
export function ortTypeOf(dtype: Dtype): OrtTensor.Type | undefined {
  return ortTypes[dtype];
}

/**
 * What the engine is fed for `tensor`.
 * @param name of the input, for messages
 * @throws INPUT_REJECTED_BY_MODEL naming the element that the engine could not take
 */
export function toOrt(tensor: Tensor, name: string): OrtTensor {
  const { Tensor: Made } = onnxRuntime();
  const shape = tensor.shape as number[];
  if (tensor.dtype === "BYTES") return new Made("string", textsOf(tensor.elements, name), shape);
  const type = ortTypes[tensor.dtype];
  if (type === undefined) {
    throw new ServingError("UNSUPPORTED", `input ${name}: the engine cannot take ${tensor.dtype}`);
  }
  return new Made(type, tensor.elements as never, shape);
}

/**
 * What the engine answered, as a tensor of `dtype`; shares memory for numbers.
 * @throws MODEL_OUTPUT_INVALID when it is of another dtype
 */
export function fromOrt(answer: OrtTensor | undefined, name: string, dtype: Dtype): Tensor {
  if (answer?.type !== ortTypes[dtype] || answer === undefined) {
    const got = answer?.type ?? "nothing";
    throw new ServingError("MODEL_OUTPUT_INVALID", `output ${name}: promised ${dtype}, got ${got}`);
  }
  if (dtype === "BYTES") {
    return makeTensor(dtype, answer.dims, stringsOf(answer.data as string[]));
  }
  return makeTensor(dtype, answer.dims, answer.data as never);
}

function textsOf(strings: ByteStrings, name: string): string[] {
  const { bytes, offsets, length } = strings;
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isPlain = isAscii(bytes);
  const hasNul = all.includes(0);
  const texts: string[] = new Array(length);
  for (let index = 0; index < length; index += 1) {
    const start = offsets[index] ?? 0;
    const end = offsets[index + 1] ?? start;
    if (!isPlain && !isUtf8(all.subarray(start, end))) refuse(name, index, "is not UTF-8");
    if (hasNul && all.subarray(start, end).includes(0)) refuse(name, index, "holds a NUL");
    texts[index] = all.toString(isPlain ? "latin1" : "utf8", start, end);
  }
  return texts;
}

function refuse(name: string, index: number, what: string): never {
  const taken = "the engine takes UTF-8 text without NUL";
  const message = `input ${name}: element ${index} ${what}; ${taken}`;
  throw new ServingError("INPUT_REJECTED_BY_MODEL", message, { field: name });
}

function stringsOf(texts: readonly string[]): ByteStrings {
  const offsets = new Uint32Array(texts.length + 1);
  let total = 0;
  for (let index = 0; index < texts.length; index += 1) {
    total += Buffer.byteLength(texts[index] ?? "", "utf8");
    offsets[index + 1] = total;
  }
  return new ByteStrings(offsets, Buffer.from(texts.join(""), "utf8"));
}
