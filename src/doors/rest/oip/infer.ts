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
  formInputs,
  type Signature,
  wantedOutputs,
} from "../../../model/index.ts";
import type { InferenceRequest } from "../../../predict/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import {
  type OipRequest,
  type OipTensor,
  readOipRequest,
  type Tensor,
  withBinaryPart,
} from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn } from "../http/exchange-work.ts";
import { readOipApart } from "../offload/threads.ts";
import type { Asked, InferRoute } from "./asked.ts";
import { checkAnnounced, readRaw, splitBody } from "./body.ts";
import { replyInference } from "./reply.ts";

/** Answers one inference request. */
export function infer(route: InferRoute, exchange: Exchange): void | Promise<void> {
  const served = route.service.find(exchange.parameters[0] ?? "", exchange.parameters[1]);
  beginOn(exchange, served);
  return inferOn(route, exchange, served);
}

/** The same for a version that was named otherwise. REQUIRES: the request is booked on it. */
export function inferOn(
  route: InferRoute,
  exchange: Exchange,
  served: ServedVersion,
): void | Promise<void> {
  const { service, threads } = route;
  const { limits } = service;
  const { json, binary, isRaw } = splitBody(exchange, limits);
  if (isRaw) {
    return run(route, exchange, {
      served,
      request: rawRequest,
      tensors: readRaw(served.signature, binary),
    });
  }
  const go = (request: OipRequest): void | Promise<void> => {
    checkAnnounced(exchange, request.inputs);
    const tensors = withBinaryPart(request.inputs, binary);
    return run(route, exchange, { served, request, tensors });
  };
  if (json.length <= limits.jsonInlineBytesMax) return go(readOipRequest(json, limits));
  service.metrics.http.jsonOffloaded += 1;
  return readOipApart(threads, exchange, { bytes: json, limits }).then(go);
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

interface Decoded {
  readonly served: ServedVersion;
  readonly request: OipRequest;
  readonly tensors: readonly OipTensor[];
}

async function run(route: InferRoute, exchange: Exchange, decoded: Decoded): Promise<void> {
  const { service } = route;
  const { served, request, tensors } = decoded;
  takeTerms(exchange, request, service.limits.deadlineMsMax);
  const formed = formInputs(served.checks, tensors);
  const names = request.outputs.map((output) => output.name);
  const wanted = wantedOutputs(served.signature, names, served.checks.limits);
  const { id, outputs, isBinaryDefault } = request;
  const asked: Asked = { served, id, outputs, isBinaryDefault, wanted };
  exchange.items = formed.items;
  exchange.times.decodedAtMs = service.clock.nowMs();
  if (formed.items === 0) {
    const empty = emptyOutputs(served.signature, wanted);
    await replyInference(route, exchange, { asked, outputs: empty });
    return;
  }
  const inference: InferenceRequest = {
    inputs: stepped(served.signature, formed.inputs),
    items: formed.items,
    outputs: wanted,
    parameters: undefined,
  };
  const response = await service.infer(served, inference, exchange);
  await replyInference(route, exchange, { asked, outputs: response.outputs });
}

/** The time and the urgency that the request itself asks for; the smallest time wins. */
function takeTerms(exchange: Exchange, request: OipRequest, deadlineMsMax: number): void {
  if (request.priority > 0) exchange.priority = request.priority;
  if (request.timeoutUs === 0) return;
  const allowedMs = Math.min(request.timeoutUs / 1_000, deadlineMsMax);
  const atMs = exchange.times.arrivedAtMs + allowedMs;
  const isOnly = exchange.headers.timeoutMs === "";
  exchange.deadlineAtMs = isOnly ? atMs : Math.min(exchange.deadlineAtMs, atMs);
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
