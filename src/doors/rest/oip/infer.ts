/**
 * `POST /v2/models/M[/versions/V]/infer`: tensors in, tensors out, as JSON or raw bytes.
 *
 * Counts on its version from the start, because the path names it. Tensors of the binary part are
 * views of the body, and binary outputs go out as views of what the engine answered. Large JSON is
 * read and written in a thread.
 */
import { inferTensors, type ReadInference } from "../../../service/index.ts";
import { type OipRequest, readOipRequest, withBinaryPart } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn } from "../http/exchange-work.ts";
import { readOipApart } from "../offload/threads.ts";
import type { InferRoute } from "./asked.ts";
import { checkAnnounced, readRaw, splitBody } from "./body.ts";
import { replyInference } from "./reply.ts";

/** Answers one inference request. */
export function infer(route: InferRoute, exchange: Exchange): void | Promise<void> {
  const { service, threads } = route;
  const { limits } = service;
  const served = service.find(exchange.parameters[0] ?? "", exchange.parameters[1]);
  beginOn(exchange, served);
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

async function run(route: InferRoute, exchange: Exchange, read: ReadInference): Promise<void> {
  const { served, request } = read;
  const inferred = await inferTensors(route.service, exchange, read);
  await replyInference(route, exchange, { served, request, inferred });
}
