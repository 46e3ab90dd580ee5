/**
 * The dialects that a listener speaks, and the routes of each.
 *
 * Health, metrics and documents belong to no dialect. A path that two of them claim is settled
 * here: `/invocations` is one route for SageMaker and MLflow, `/models` is the simple dialect's
 * where it is spoken, and the routes that Vertex names give way to those that are there.
 */
import type { Service } from "../../service/index.ts";
import type { Route } from "./http/router.ts";
import { invoke } from "./invocations/infer.ts";
import { invocationsRoutes, mlflowRoutes, sagemakerRoutes } from "./invocations/routes.ts";
import { type VertexRoutes, vertexRoutes } from "./invocations/vertex.ts";
import { oipRoutes } from "./oip/routes.ts";
import { ping } from "./operations/health-routes.ts";
import { modelControlRoutes } from "./operations/model-control.ts";
import { modelRoutes } from "./operations/model-routes.ts";
import type { ParseThread } from "./simple/parse-thread.ts";
import { makeReadBody } from "./simple/read-body.ts";
import { simpleRoutes } from "./simple/routes.ts";
import { streamRoutes } from "./streams/routes.ts";
import { tfsRoutes } from "./tfs/routes.ts";
import { torchserveRoutes } from "./torchserve/routes.ts";
import { socketRoutes } from "./websocket/sockets.ts";

/** Every dialect of the door, by its name in the configuration. */
export const dialectNames = [
  "simple",
  "oip",
  "tfs",
  "kserve",
  "sagemaker",
  "vertex",
  "mlflow",
  "torchserve",
] as const;

export type DialectName = (typeof dialectNames)[number];

export interface DialectOptions {
  readonly service: Service;
  readonly thread: ParseThread;
  readonly dialects: readonly DialectName[];
  readonly serverName: string;
  readonly serverVersion: string;
  /** TensorFlow Serving's dialect reads and writes NaN and the infinities as bare tokens. */
  readonly hasBareTokens: boolean;
  readonly vertex: VertexRoutes;
}

/** The routes of the dialects asked for. */
export function dialectRoutes(options: DialectOptions): Route[] {
  const { service, thread, dialects, hasBareTokens } = options;
  const { threads } = thread;
  const has = (...names: readonly string[]): boolean =>
    dialects.some((name) => names.includes(name));
  const invocations = { service, thread, threads, readBody: makeReadBody(service, thread) };
  const routes: Route[] = [];
  if (has("simple")) {
    routes.push(...simpleRoutes(service, thread), ...streamRoutes(service, thread));
    routes.push(...modelRoutes(service));
  }
  routes.push(...socketRoutes().filter((route) => has(route.dialect)));
  if (has("oip")) routes.push(...oipRoutes(options));
  if (has("tfs", "kserve")) routes.push(...tfsRoutes({ service, threads, hasBareTokens }));
  if (has("sagemaker", "mlflow")) routes.push(...invocationsRoutes(invocations));
  if (has("mlflow")) routes.push(...mlflowRoutes(options));
  if (has("sagemaker")) routes.push(...sagemakerRoutes(service));
  if (has("torchserve")) routes.push(...torchserveRoutes({ service, threads }));
  if (!has("simple") && has("sagemaker", "torchserve")) {
    routes.push(...modelControlRoutes(service, has("torchserve")));
  }
  return routes;
}

/** The routes that Vertex names, where `known` has not got them. */
export function platformRoutes(options: DialectOptions, known: readonly Route[]): Route[] {
  const { service, thread } = options;
  if (!options.dialects.includes("vertex")) return [];
  const { threads } = thread;
  const route = { service, thread, threads, readBody: makeReadBody(service, thread) };
  return vertexRoutes(options.vertex, known, {
    health: (exchange) => ping(service, exchange),
    predict: (exchange) => invoke(route, exchange),
  });
}
