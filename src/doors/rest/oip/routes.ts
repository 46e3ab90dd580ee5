/**
 * The routes of the Open Inference Protocol v2 and of Triton's extensions to it.
 *
 * What is known to the protocol but not offered answers 501 UNSUPPORTED and says so, instead of a
 * 404 that looks like a typing error.
 */
import { ServingError } from "../../../base/index.ts";
import { notOffered, type Service } from "../../../service/index.ts";
import { sharedMemoryText } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Method, Route } from "../http/router.ts";
import type { ParseThread } from "../simple/parse-thread.ts";
import { loadModel, unloadModel } from "./control.ts";
import { infer } from "./infer.ts";
import { inferStream } from "./infer-stream.ts";
import {
  configuration,
  listModels,
  metadata,
  modelReady,
  replyIndex,
  serverMetadata,
} from "./queries.ts";
import type { Replies } from "./replies.ts";
import { allStatistics, versionStatistics } from "./statistics.ts";

export interface OipOptions extends Replies {
  readonly service: Service;
  readonly thread: ParseThread;
}

type Handle = (exchange: Exchange) => void | Promise<void>;

const model = "/v2/models/:model";
const version = "/v2/models/:model/versions/:version";

/** All routes under `/v2` but those of health. */
export function oipRoutes(options: OipOptions): Route[] {
  const route = { service: options.service, threads: options.thread.threads };
  return [
    ...inferenceRoutes("infer", (exchange) => infer(route, exchange)),
    ...inferenceRoutes("infer_stream", (exchange) => inferStream(route, exchange)),
    get("/v2", (exchange) => serverMetadata(options, exchange)),
    get("/v2/models", (exchange) => listModels(options, exchange)),
    get("/v2/models/stats", (exchange) => allStatistics(options, exchange)),
    ...both("GET", "", (exchange) => metadata(options, exchange)),
    ...both("GET", "/ready", (exchange) => modelReady(options, exchange)),
    ...both("GET", "/config", (exchange) => configuration(options, exchange)),
    ...both("GET", "/stats", (exchange) => versionStatistics(options, exchange)),
    post("/v2/repository/index", (exchange) => replyIndex(options, exchange)),
    post("/v2/repository/models/:model/load", (exchange) => loadModel(options, exchange)),
    post("/v2/repository/models/:model/unload", (exchange) => unloadModel(options, exchange)),
    ...refusedRoutes(),
  ];
}

function get(path: string, handle: Handle): Route {
  return { method: "GET", path, body: "none", dialect: "oip", handle };
}

function post(path: string, handle: Handle): Route {
  return { method: "POST", path, body: "json", dialect: "oip", handle };
}

/** A route of a model, with and without a version. */
function both(method: Method, end: string, handle: Handle): Route[] {
  const one = method === "GET" ? get : post;
  return [one(`${model}${end}`, handle), one(`${version}${end}`, handle)];
}

function inferenceRoutes(end: string, handle: Handle): Route[] {
  return [model, version].map((path) => ({
    method: "POST",
    path: `${path}/${end}`,
    body: "tensors",
    dialect: "oip",
    handle,
  }));
}

function refusedRoutes(): Route[] {
  const refuse = (what: string): Handle => {
    return () => {
      throw notOffered(what);
    };
  };
  return [
    ...["generate", "generate_stream"].flatMap((end) => both("POST", `/${end}`, refuse(end))),
    ...["/v2/logging", "/v2/trace/setting", `${model}/trace/setting`].flatMap((path) => {
      const what = path === "/v2/logging" ? "settings of the log" : "settings of traces";
      return [get(path, refuse(what)), post(path, refuse(what))];
    }),
    ...["system", "cuda"].flatMap(sharedMemoryRoutes),
  ];
}

function sharedMemoryRoutes(kind: string): Route[] {
  const base = `/v2/${kind}sharedmemory`;
  const none: Handle = (exchange) => exchange.replyJson("[]");
  const refuse: Handle = () => {
    throw new ServingError("UNSUPPORTED", sharedMemoryText);
  };
  return [
    get(`${base}/status`, none),
    get(`${base}/region/:region/status`, none),
    post(`${base}/region/:region/register`, refuse),
    post(`${base}/region/:region/unregister`, refuse),
    post(`${base}/unregister`, refuse),
  ];
}
