/**
 * `POST /v2/models/M[/versions/V]/infer`: tensors in, tensors out, as JSON or raw bytes.
 *
 * Counts on its version from the start, because the path names it. Tensors of the binary part are
 * views of the body, and binary outputs go out as views of what the engine answered. Large JSON is
 * read and written in a thread. Reserved parameters end here: none of them reaches a model, so none
 * splits a batch.
 */
import {
  applyTextSteps,
  emptyOutputs,
  type FormedInputs,
  formInputs,
  type Signature,
  wantedOutputs,
} from "../../../model/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import {
  type OipRequest,
  readOipRequest,
  type Tensor,
  withBinaryPart,
} from "../../../tensor/index.ts";
import type { Call } from "../call.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn } from "../http/exchange-work.ts";
import { readOipApart } from "../offload/threads.ts";
import type { Asked, InferRoute } from "./asked.ts";
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
  const { asked, formed, inputs } = await readInference(route, call, { served, body });
  const { wanted } = asked;
  if (formed.items === 0) {
    const outputs = emptyOutputs(served.signature, wanted);
    return await writeInference(route, call, { asked, outputs });
  }
  const inference = { inputs, items: formed.items, outputs: wanted, parameters: undefined };
  const { outputs } = await route.service.infer(served, inference, call);
  return await writeInference(route, call, { asked, outputs });
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

/** A request that was read and checked. */
export interface ReadInference {
  readonly asked: Asked;
  readonly formed: FormedInputs;
  /** After the text steps that the model declares. */
  readonly inputs: readonly (Tensor | undefined)[];
}

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED, UNSUPPORTED, OVERLOADED */
export async function readInference(
  { service, threads }: InferRoute,
  call: Call,
  { served, body }: ServedBody,
): Promise<ReadInference> {
  const { limits } = service;
  const { json, binary, isRaw } = body;
  let request = rawRequest;
  if (!isRaw && json.length <= limits.jsonInlineBytesMax) request = readOipRequest(json, limits);
  else if (!isRaw) {
    service.metrics.http.jsonOffloaded += 1;
    request = await readOipApart(threads, call, { bytes: json, limits });
  }
  if (!isRaw) checkAnnounced(body, request.inputs);
  const tensors = isRaw
    ? readRaw(served.signature, binary)
    : withBinaryPart(request.inputs, binary);
  takeTerms(call, request, limits.deadlineMsMax);
  const formed = formInputs(served.checks, tensors);
  const names = request.outputs.map((output) => output.name);
  const wanted = wantedOutputs(served.signature, names, served.checks.limits);
  const { id, outputs, isBinaryDefault } = request;
  const asked: Asked = { served, id, outputs, isBinaryDefault, wanted };
  call.items = formed.items;
  call.times.decodedAtMs = service.clock.nowMs();
  return { asked, formed, inputs: stepped(served.signature, formed.inputs) };
}

/** The time and the urgency that the request itself asks for; the smallest time wins. */
function takeTerms(call: Call, request: OipRequest, deadlineMsMax: number): void {
  if (request.priority > 0) call.priority = request.priority;
  if (request.timeoutUs === 0) return;
  const allowedMs = Math.min(request.timeoutUs / 1_000, deadlineMsMax);
  const atMs = call.times.arrivedAtMs + allowedMs;
  const isOnly = call.headers.timeoutMs === "";
  call.deadlineAtMs = isOnly ? atMs : Math.min(call.deadlineAtMs, atMs);
}

/** The inputs after the text steps that the model declares. */
function stepped(
  signature: Signature,
  inputs: readonly (Tensor | undefined)[],
): readonly (Tensor | undefined)[] {
  if (signature.inputs.every((spec) => spec.steps.length === 0)) return inputs;
  return inputs.map((tensor, index) => {
    const steps = signature.inputs[index]?.steps ?? [];
    return tensor?.dtype === "BYTES" ? applyTextSteps(steps, tensor) : tensor;
  });
}
