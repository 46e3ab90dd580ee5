/**
 * The messages of `inference.GRPCInferenceService` that the client speaks; tensors go raw.
 */
import { MillraceError } from "../millrace-error.ts";
import type { ModelMetadata, TensorDescription } from "../rest/metadata.ts";
import { type RawTensor, readRaw } from "../tensor/binary.ts";
import type { InferReply, InferWishes } from "../tensor/oip-body.ts";
import { isDatatype, type Tensor } from "../tensor/tensor.ts";
import { readFields, readPacked, readText, signed } from "./proto-reader.ts";
import { ProtoWriter } from "./proto-writer.ts";

/** Which model is meant; "" for the server's choice of a version. */
export interface ModelKey {
  readonly model: string;
  readonly version: string;
}

/** ModelInferRequest. */
export function writeInferRequest(
  { model, version }: ModelKey,
  tensors: readonly RawTensor[],
  wishes: InferWishes,
): ProtoWriter {
  const message = new ProtoWriter()
    .text(1, model)
    .text(2, version)
    .text(3, wishes.id ?? "");
  for (const [key, value] of Object.entries(wishes.parameters ?? {})) {
    message.message(4, new ProtoWriter().text(1, key).message(2, writeParameter(value)));
  }
  for (const { name, datatype, shape } of tensors) {
    message.message(5, new ProtoWriter().text(1, name).text(2, datatype).packed(3, shape));
  }
  for (const name of wishes.outputs ?? []) message.message(6, new ProtoWriter().text(1, name));
  for (const { bytes } of tensors) message.bytes(7, bytes);
  return message;
}

/** InferParameter. */
function writeParameter(value: string | number | boolean): ProtoWriter {
  const message = new ProtoWriter();
  if (typeof value === "boolean") return message.bool(1, value);
  if (typeof value === "string") return message.bytes(3, new TextEncoder().encode(value));
  return Number.isSafeInteger(value) ? message.int64(2, BigInt(value)) : message.double(4, value);
}

/** ModelInferResponse. @throws INVALID_REPLY */
export function readInferResponse(bytes: Uint8Array<ArrayBuffer>): InferReply {
  const texts = ["", "", "", ""];
  const heads: TensorDescription[] = [];
  const contents: Uint8Array<ArrayBuffer>[] = [];
  for (const field of readFields(bytes)) {
    if (field.kind !== "bytes") continue;
    if (field.number <= 3) texts[field.number] = readText(field.bytes);
    if (field.number === 5) heads.push(readTensorHead(field.bytes));
    if (field.number === 6) contents.push(field.bytes);
  }
  const [, model = "", version = "", id = ""] = texts;
  const outputs = heads.map((head, index) => [head.name, outputOf(head, contents[index])] as const);
  return { model, version, id, outputs: Object.fromEntries(outputs) };
}

function outputOf(head: TensorDescription, bytes: Uint8Array<ArrayBuffer> | undefined): Tensor {
  const { name, datatype, shape } = head;
  if (bytes === undefined) throw invalid(`output '${name}' without raw contents`);
  if (!isDatatype(datatype)) throw invalid(`output '${name}' of the datatype '${datatype}'`);
  return readRaw({ name, datatype, shape }, bytes);
}

function invalid(what: string): MillraceError {
  return new MillraceError("INVALID_REPLY", `the reply has an ${what}`);
}

/** Name, datatype and shape: the first three fields of every tensor message. */
function readTensorHead(bytes: Uint8Array<ArrayBuffer>): TensorDescription {
  let name = "";
  let datatype = "";
  const shape: number[] = [];
  for (const field of readFields(bytes)) {
    if (field.kind === "whole") {
      if (field.number === 3) shape.push(signed(field.value));
    } else if (field.number === 1) name = readText(field.bytes);
    else if (field.number === 2) datatype = readText(field.bytes);
    else if (field.number === 3) shape.push(...readPacked(field.bytes));
  }
  return { name, datatype, shape };
}

/** ModelReadyRequest and ModelMetadataRequest. */
export function writeModelKey({ model, version }: ModelKey): ProtoWriter {
  return new ProtoWriter().text(1, model).text(2, version);
}

/** ServerReadyResponse and ModelReadyResponse. @throws INVALID_REPLY */
export function readReady(bytes: Uint8Array<ArrayBuffer>): boolean {
  for (const field of readFields(bytes)) {
    if (field.number === 1 && field.kind === "whole") return field.value !== 0n;
  }
  return false;
}

/** ModelMetadataResponse. @throws INVALID_REPLY */
export function readMetadataResponse(bytes: Uint8Array<ArrayBuffer>): ModelMetadata {
  const found = { name: "", platform: "" };
  const versions: string[] = [];
  const inputs: TensorDescription[] = [];
  const outputs: TensorDescription[] = [];
  for (const field of readFields(bytes)) {
    if (field.kind !== "bytes") continue;
    if (field.number === 1) found.name = readText(field.bytes);
    else if (field.number === 2) versions.push(readText(field.bytes));
    else if (field.number === 3) found.platform = readText(field.bytes);
    else if (field.number === 4) inputs.push(readTensorHead(field.bytes));
    else if (field.number === 5) outputs.push(readTensorHead(field.bytes));
  }
  return { ...found, versions, inputs, outputs };
}
