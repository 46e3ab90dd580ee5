/**
 * `POST /v2/models/M[/versions/V]/infer`: tensors in, tensors out, as JSON or raw bytes.
 *
 * Counts on its version from the start, because the path names it. Tensors of the binary part are
 * views of the body, and binary outputs go out as views of what the engine answered. Large JSON is
 * read and written in a thread.
 */
import { inferTensors, type ReadInference, type ServedVersion } from "../../../service/index.ts";
import { type OipRequest, readOipRequest, withBinaryPart } from "../../../tensor/index.ts";
import type { Call } from "../call.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn } from "../http/exchange-work.ts";
import { readOipApart } from "../offload/threads.ts";
import type { InferRoute } from "./asked.ts";
import { checkAnnounced, readRaw, type SplitBody, splitBody } from "./body.ts";
import { sendInference, type WrittenInference, writeInference } from "./reply.ts";

/** Answers one inference request. */
export async function infer(route: InferRoute, exchange: Exchange): Promise<void> {
  const served = route.service.find(exchange.parameters[0] ?? "", exchange.parameters[1]);
  beginOn(exchange, served);
  await inferOn(route, exchange, served);
}

/** The same for a version that was named otherwise. REQUIRES: the request is booked on it. */
export async function inferOn(
  route: InferRoute,
  exchange: Exchange,
  served: ServedVersion,
): Promise<void> {
  const body = splitBody(exchange, route.service.limits);
  sendInference(route, exchange, await answerInference(route, exchange, { served, body }));
}

export interface ServedBody {
  readonly served: ServedVersion;
  readonly body: SplitBody;
}

/** Reads, runs and writes one inference. REQUIRES: `call` began on `served`. */
export async function answerInference(
  route: InferRoute,
  call: Call,
  { served, body }: ServedBody,
): Promise<WrittenInference> {
  const read = await readInference(route, call, { served, body });
  const inferred = await inferTensors(route.service, call, read);
  return await writeInference(route, call, { served, request: read.request, inferred });
}

const rawRequest: OipRequest = {
  id: undefined,
  inputs: [],
  outputs: [],
  isBinaryDefault: true,
  timeoutUs: 0,
  priority: 0,
  parameters: undefined,
};

/** Reads a body. @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED, OVERLOADED */
export async function readInference(
  { service, threads }: InferRoute,
  call: Call,
  { served, body }: ServedBody,
): Promise<ReadInference> {
  const { limits } = service;
  const { json, binary, isRaw } = body;
  if (isRaw) {
    return { served, request: rawRequest, tensors: readRaw(served.signature, binary) };
  }
  const isLarge = json.length > limits.jsonInlineBytesMax;
  if (isLarge) service.metrics.http.jsonOffloaded += 1;
  const request = isLarge
    ? await readOipApart(threads, call, { bytes: json, limits })
    : readOipRequest(json, limits);
  checkAnnounced(body, request.inputs);
  return { served, request, tensors: withBinaryPart(request.inputs, binary) };
}
