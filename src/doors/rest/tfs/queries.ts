/**
 * What TensorFlow Serving and KServe v1 tell about models without running any: status, metadata,
 * the list.
 *
 * `GET /v1/models/M` serves both: the status of its versions, and name and readiness.
 */
import {
  findTfs,
  type Service,
  tfsModelSpec,
  tfsSignatures,
  tfsStatus,
  tfsTarget,
} from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import { choiceOf, noRoute, type TargetPath } from "./target.ts";

/** `GET /v1/models`: KServe's names and the list of OpenAI in one body. */
export function listModels(service: Service, exchange: Exchange): void {
  const models = [...service.registry.models.values()];
  replyStatus(exchange, 200, {
    models: models.map((model) => model.name),
    object: "list",
    data: models.map((model) => ({
      id: model.name,
      object: "model",
      created: Math.floor((model.chosen?.served?.readyAtWallMs ?? 0) / 1_000),
      owned_by: "millrace",
    })),
  });
}

/** `GET /v1/models/M[/versions/N|/labels/L][/metadata]` */
export function describe(service: Service, exchange: Exchange): void {
  const [model = "", ...rest] = exchange.parameters;
  const isEven = rest.length % 2 === 0;
  if (!isEven && rest.at(-1)?.toLowerCase() !== "metadata") throw noRoute();
  const [kind, version] = rest;
  const path = rest.length < 2 ? { model } : { model, kind, version };
  if (isEven) status(service, exchange, path);
  else metadata(service, exchange, path);
}

function status(service: Service, exchange: Exchange, path: TargetPath): void {
  const target = tfsTarget(service, choiceOf(path));
  const { versions, isReady } = tfsStatus(service, target);
  replyStatus(exchange, 200, {
    model_version_status: versions,
    name: target.model,
    ready: isReady,
  });
}

function metadata(service: Service, exchange: Exchange, path: TargetPath): void {
  const served = findTfs(service, choiceOf(path));
  replyStatus(exchange, 200, {
    model_spec: tfsModelSpec(served),
    metadata: { signature_def: tfsSignatures(served) },
  });
}
