/**
 * What the server says about itself and its models.
 */
import { isRecord, listOf, textOf } from "../json/fields.ts";
import { replyRecord } from "./answer.ts";
import type { HttpReply } from "./http-sender.ts";

/** A tensor of a signature. */
export interface TensorDescription {
  readonly name: string;
  /** `FP32`, `INT64`, `BYTES` ... */
  readonly datatype: string;
  /** -1 is any size; the item dimension is included. */
  readonly shape: readonly number[];
}

/** A model as the Open Inference Protocol describes it. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
}

/** State of the server. */
export interface Health {
  /** `healthy`, or what the server calls it. */
  readonly status: string;
  readonly isHealthy: boolean;
  /** What is wrong, in words; empty when nothing is. */
  readonly problems: readonly string[];
}

/** @throws INVALID_REPLY */
export function readMetadata(reply: HttpReply): ModelMetadata {
  const body = replyRecord(reply.bytes, reply.headers.get("x-request-id") ?? "");
  return {
    name: textOf(body, "name"),
    versions: listOf(body, "versions").map(String),
    platform: textOf(body, "platform"),
    inputs: listOf(body, "inputs").map(description),
    outputs: listOf(body, "outputs").map(description),
  };
}

function description(value: unknown): TensorDescription {
  const record = isRecord(value) ? value : {};
  return {
    name: textOf(record, "name"),
    datatype: textOf(record, "datatype"),
    shape: listOf(record, "shape").map(Number),
  };
}

/** @param bytes of a reply of 200 or 503 @throws INVALID_REPLY */
export function readHealth(status: number, bytes: Uint8Array, requestId: string): Health {
  const body = replyRecord(bytes, requestId);
  return {
    status: textOf(body, "status"),
    isHealthy: status === 200,
    problems: listOf(body, "problems").map(String),
  };
}
