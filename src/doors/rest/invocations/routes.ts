/**
 * The routes of SageMaker and MLflow: both ask for `/invocations` and `/ping`.
 */
import type { Service } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import type { Route } from "../http/router.ts";
import { type InvocationsRoute, invoke, invokeNamed } from "./infer.ts";

export interface InvocationsOptions {
  readonly serverVersion: string;
}

/** `POST /invocations`, which both platforms call. */
export function invocationsRoutes(route: InvocationsRoute): Route[] {
  const post = { method: "POST", body: "tensors", dialect: "mlflow" } as const;
  return [
    { ...post, path: "/invocations", handle: (exchange) => invoke(route, exchange) },
    { ...post, path: "/models/:model/invoke", handle: (exchange) => invokeNamed(route, exchange) },
  ];
}

/** `GET /version` of MLflow's scoring server. */
export function mlflowRoutes({ serverVersion }: InvocationsOptions): Route[] {
  const text = { status: 200, contentType: "text/plain; charset=utf-8", lines: "" };
  return [
    {
      method: "GET",
      path: "/version",
      body: "none",
      dialect: "mlflow",
      handle: (exchange) => exchange.reply(text, serverVersion),
    },
  ];
}

/** `GET /execution-parameters`, which batch transform asks before it sends. */
export function sagemakerRoutes(service: Service): Route[] {
  return [
    {
      method: "GET",
      path: "/execution-parameters",
      body: "none",
      dialect: "mlflow",
      handle: (exchange) => executionParameters(service, exchange),
    },
  ];
}

/** Payloads that SageMaker sends at most, MB. */
const payloadMbMax = 100;

function executionParameters({ limits, registry }: Service, exchange: Exchange): void {
  const served = [...registry.models.values()].map((model) => model.chosen?.served);
  const batches = served.map((each) => each?.package.settings.batching.itemsMax ?? 1);
  replyStatus(exchange, 200, {
    // As many as fill a batch: they run together.
    MaxConcurrentTransforms: Math.max(1, ...batches),
    BatchStrategy: "MULTI_RECORD",
    MaxPayloadInMB: Math.max(1, Math.min(payloadMbMax, limits.jsonBodyBytesMax >> 20)),
  });
}
