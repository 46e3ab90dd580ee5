/**
 * Inference over the Open Inference Protocol v2: `POST /v2/models/M/infer`, tensors as binary.
 */
import type { OutputsOf } from "../models.ts";
import type { InferWishes } from "../tensor/oip-body.ts";
import { joinBody, readInferBody, writeInferBody } from "../tensor/oip-body.ts";
import type { TensorInput } from "../tensor/tensor.ts";
import type { HttpReply, HttpRequest } from "./http-sender.ts";

/** What `infer` answers. */
export interface InferAnswer<M> {
  /** By name. */
  readonly outputs: OutputsOf<M>;
  readonly model: string;
  readonly version: string;
  readonly requestId: string;
}

/** `/v2/models/churn/versions/1.2.0`, followed by `rest`. */
export function modelPath(model: string, version: string | undefined, rest: string): string {
  const name = encodeURIComponent(model);
  const part = version === undefined ? "" : `/versions/${encodeURIComponent(version)}`;
  return `/v2/models/${name}${part}${rest}`;
}

/** @throws INVALID_INPUT */
export function inferRequest(
  path: string,
  inputs: Readonly<Record<string, TensorInput>>,
  wishes: InferWishes,
): HttpRequest {
  const body = writeInferBody(inputs, wishes);
  const headers = {
    "content-type": "application/octet-stream",
    "inference-header-content-length": String(body.json.length),
  };
  return { method: "POST", path, headers, body: joinBody(body, 0) };
}

/** @throws INVALID_REPLY */
export function readInferAnswer<M>(reply: HttpReply): InferAnswer<M> {
  const length = reply.headers.get("inference-header-content-length");
  const jsonBytes = length === null ? reply.bytes.length : Number(length);
  const { model, version, outputs } = readInferBody(reply.bytes, jsonBytes);
  const requestId = reply.headers.get("x-request-id") ?? "";
  return { outputs: outputs as OutputsOf<M>, model, version, requestId };
}
