/**
 * Requests and replies of the Open Inference Protocol v2 as JSON and binary part.
 *
 * Inputs always travel as binary and outputs are asked for so: exact for every datatype, NaN
 * included, and without text. A server that answers outputs as JSON all the same is understood too.
 */
import { isRecord, listOf, textOf } from "../json/fields.ts";
import { readJson } from "../json/read-json.ts";
import { writeJson } from "../json/write-json.ts";
import { invalidInput, MillraceError } from "../millrace-error.ts";
import { numbersOf, type RawTensor, readRaw, type TensorHead, writeRaw } from "./binary.ts";
import { datatypes, isDatatype, type Tensor, type TensorInput } from "./tensor.ts";

/** What a request may say beside its inputs. */
export interface InferWishes {
  /** Names of the outputs that are wanted; default: all. */
  readonly outputs?: readonly string[] | undefined;
  /** Parameters of the request, as the protocol has them. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly id?: string | undefined;
}

export interface InferBody {
  readonly json: Uint8Array;
  readonly tensors: readonly RawTensor[];
}

/** The inputs as they will be sent, in the order of the object. @throws INVALID_INPUT */
export function rawInputs(inputs: Readonly<Record<string, TensorInput>>): RawTensor[] {
  const all = Object.entries(inputs);
  if (all.length === 0) throw invalidInput("inputs", "expected one tensor or more, got none");
  return all.map(([name, input]) => writeRaw(name, input));
}

/** @throws INVALID_INPUT */
export function writeInferBody(
  inputs: Readonly<Record<string, TensorInput>>,
  wishes: InferWishes,
): InferBody {
  const tensors = rawInputs(inputs);
  const envelope = {
    id: wishes.id,
    parameters: { ...wishes.parameters, binary_data_output: true },
    inputs: tensors.map(({ name, shape, datatype, bytes }) => ({
      name,
      shape,
      datatype,
      parameters: { binary_data_size: bytes.length },
    })),
    outputs: wishes.outputs?.map((name) => ({ name })),
  };
  const json = new TextEncoder().encode(writeJson(envelope, "request"));
  return { json, tensors };
}

/** JSON and tensors one after the other, with `ahead` bytes left free before them. */
export function joinBody({ json, tensors }: InferBody, ahead: number): Uint8Array<ArrayBuffer> {
  const bytes = tensors.reduce((sum, each) => sum + each.bytes.length, ahead + json.length);
  const whole = new Uint8Array(bytes);
  whole.set(json, ahead);
  let at = ahead + json.length;
  for (const tensor of tensors) {
    whole.set(tensor.bytes, at);
    at += tensor.bytes.length;
  }
  return whole;
}

/** A reply taken apart. */
export interface InferReply {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/**
 * @param jsonBytes bytes of the JSON at the front of `body`
 * @throws INVALID_REPLY
 */
export function readInferBody(body: Uint8Array<ArrayBuffer>, jsonBytes: number): InferReply {
  const envelope = readEnvelope(body.subarray(0, jsonBytes));
  const outputs: [string, Tensor][] = [];
  let at = jsonBytes;
  for (const output of listOf(envelope, "outputs")) {
    if (!isRecord(output)) throw invalid("an output that is no object");
    const head = readHead(output);
    const size = binarySize(output);
    if (size === undefined) outputs.push([head.name, fromJson(head, listOf(output, "data"))]);
    else {
      outputs.push([head.name, readRaw(head, body.subarray(at, at + size))]);
      at += size;
    }
  }
  if (at !== body.length) throw invalid(`${body.length - at} bytes beside its tensors`);
  return {
    model: textOf(envelope, "model_name"),
    version: textOf(envelope, "model_version"),
    id: textOf(envelope, "id"),
    outputs: Object.fromEntries(outputs),
  };
}

function invalid(what: string): MillraceError {
  return new MillraceError("INVALID_REPLY", `the reply has ${what}`);
}

function readEnvelope(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const envelope = readJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isRecord(envelope)) return envelope;
  } catch (cause) {
    throw new MillraceError("INVALID_REPLY", "the reply is no JSON", { cause });
  }
  throw invalid("no JSON object");
}

function readHead(output: Readonly<Record<string, unknown>>): TensorHead {
  const name = textOf(output, "name");
  const datatype = textOf(output, "datatype");
  if (!isDatatype(datatype)) throw invalid(`an output '${name}' of the datatype '${datatype}'`);
  const shape = listOf(output, "shape").map(Number);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw invalid(`an output '${name}' of the shape [${shape.join(", ")}]`);
  }
  return { name, datatype, shape };
}

function binarySize(output: Readonly<Record<string, unknown>>): number | undefined {
  const parameters = output["parameters"];
  const size = isRecord(parameters) ? parameters["binary_data_size"] : undefined;
  return typeof size === "number" ? size : undefined;
}

/** A tensor that came as a flat JSON list. */
function fromJson(head: TensorHead, list: readonly unknown[]): Tensor {
  const { name, datatype, shape } = head;
  const wanted = shape.reduce((product, size) => product * size, 1);
  if (list.length !== wanted) throw invalid(`${list.length} elements in '${name}', not ${wanted}`);
  if (datatype === "BYTES") return { datatype, shape, data: list.map(String) };
  const bytes = new Uint8Array(wanted * datatypes[datatype].bytes);
  const numbers = numbersOf(datatype, bytes);
  const is64 = numbers instanceof BigInt64Array || numbers instanceof BigUint64Array;
  for (const [index, value] of list.entries()) {
    Reflect.set(numbers, index, is64 ? BigInt(value as number | bigint) : Number(value));
  }
  return { datatype, shape, data: numbers } as Tensor;
}
