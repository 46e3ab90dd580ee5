/**
 * The model control of SageMaker's multi-model containers and of TorchServe, as far as it can be
 * answered by a server that serves the paths it was started with.
 *
 * Both claim `/models`, which the simple dialect has too: these routes are open only on a listener
 * that does not speak it. What is there is told and asked for again without harm (409, 200); what
 * would load, unload or move is refused with what to do instead.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { isVersionReady, type ServedVersion, type Service } from "../../../service/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import type { Route } from "../http/router.ts";

/** The models of the service as its registry lists them. */
type ModelOf = NonNullable<ReturnType<Service["registry"]["models"]["get"]>>;

const pageMax = 1_000;
const pageDefault = 100;

/** @param isTorchserve whose details `GET /models/M` gives: a list of workers, or name and URL */
export function modelControlRoutes(service: Service, isTorchserve: boolean): Route[] {
  const dialect = isTorchserve ? "torchserve" : "mlflow";
  const get = { method: "GET", body: "none", dialect } as const;
  const change = { body: "json", dialect } as const;
  const one = isTorchserve ? describeWorkers : describeModel;
  const refuse =
    (what: string) =>
    (exchange: Exchange): void =>
      refuseChange(service, exchange, what);
  const own: Route[] = [
    { ...get, path: "/models", handle: (exchange) => list(service, exchange) },
    { ...get, path: "/models/:model", handle: (exchange) => one(service, exchange) },
    { ...change, method: "POST", path: "/models", handle: (each) => register(service, each) },
    { ...change, method: "DELETE", path: "/models/:model", handle: refuse("unloaded") },
  ];
  if (!isTorchserve) return own;
  const version = "/models/:model/:version";
  return [
    ...own,
    { ...get, path: version, handle: (exchange) => describeWorkers(service, exchange) },
    { ...change, method: "DELETE", path: version, handle: refuse("unloaded") },
    { ...change, method: "PUT", path: "/models/:model", handle: refuse("scaled") },
    { ...change, method: "PUT", path: version, handle: refuse("scaled") },
    {
      ...change,
      method: "PUT",
      path: `${version}/set-default`,
      handle: (exchange) => setDefault(service, exchange),
    },
  ];
}

/** `GET /models?limit=&next_page_token=` */
function list(service: Service, exchange: Exchange): void {
  const limit = wholeOf(exchange, "limit", { fallback: pageDefault, min: 1, max: pageMax });
  const from = wholeOf(exchange, "next_page_token", { fallback: 0, min: 0, max: 1_000_000 });
  const all = [...service.registry.models.values()];
  const models = all.slice(from, from + limit).map(nameAndUrl);
  const next = from + limit < all.length ? { nextPageToken: String(from + limit) } : {};
  replyStatus(exchange, 200, { ...next, models });
}

/** No path leaves the server, so the URL is the artifact's name alone. */
function nameAndUrl(model: ModelOf): object {
  const artifact = model.chosen?.served?.package.artifactName ?? "";
  return { modelName: model.name, modelUrl: artifact };
}

function describeModel(service: Service, exchange: Exchange): void {
  replyStatus(exchange, 200, nameAndUrl(modelOf(service, exchange)));
}

function modelOf(service: Service, { parameters }: Exchange): ModelOf {
  const name = parameters[0] ?? "";
  const model = service.registry.models.get(name);
  if (model !== undefined) return model;
  const message = `Request for unknown model: ${quote(name)} is not found`;
  throw new ServingError("MODEL_NOT_FOUND", message);
}

/** `GET /models/M[/V|/all]` of TorchServe. */
function describeWorkers(service: Service, exchange: Exchange): void {
  const [name = "", version] = exchange.parameters;
  const model = modelOf(service, exchange);
  const entries =
    version === "all" ? [...model.versions.values()] : [service.registry.entry(name, version)];
  const described = entries.map((entry) => ({
    modelName: name,
    modelVersion: entry.version,
    modelUrl: entry.served?.package.artifactName ?? "",
    engine: "onnxruntime",
    runtime: "node",
    ...workersOf(entry.served, isVersionReady(entry)),
    jobQueueStatus: queueOf(service, entry.served),
  }));
  replyStatus(exchange, 200, described);
}

function workersOf(served: ServedVersion | undefined, isReady: boolean): object {
  const count = served?.instances ?? 0;
  const batching = served?.package.settings.batching;
  const startTime = new Date(served?.readyAtWallMs ?? 0).toISOString();
  return {
    minWorkers: count,
    maxWorkers: count,
    batchSize: batching?.itemsMax ?? 1,
    maxBatchDelay: Math.round(batching?.delayMsMax ?? 0),
    workers: Array.from({ length: count }, (_, index) => ({
      id: String(index),
      startTime,
      status: isReady ? "READY" : "UNLOADING",
      gpu: false,
      memoryUsage: 0,
    })),
  };
}

function queueOf({ limits }: Service, served: ServedVersion | undefined): object {
  const pendingRequests = served?.metrics.inFlight ?? 0;
  const remainingCapacity = Math.max(0, limits.queueItemsMax - pendingRequests);
  return { remainingCapacity, pendingRequests };
}

/** `POST /models` of both: the name in a JSON body, or in the query. */
function register(service: Service, exchange: Exchange): void {
  const name = exchange.query.get("model_name") ?? nameInBody(service, exchange);
  if (name === "") {
    const message = "Missing 'model_name' in request: expected the name of a model";
    throw new ServingError("INVALID_REQUEST", message, { field: "model_name" });
  }
  if (service.registry.models.has(name)) {
    const message = `model ${quote(name)} is loaded already`;
    throw new ServingError("ALREADY_EXISTS", message, { field: "model_name" });
  }
  throw notHere("loaded");
}

function nameInBody({ limits }: Service, { body }: Exchange): string {
  const reader = new JsonReader(body, limits.jsonDepthMax);
  if (reader.peek() === "end") return "";
  let name = "";
  reader.enterObject();
  while (reader.nextMember()) {
    if (reader.isKey("model_name") && reader.peek() === "string") name = reader.readString();
    else reader.skipValue();
  }
  reader.end();
  return name;
}

function refuseChange(service: Service, exchange: Exchange, what: string): void {
  const version = exchange.parameters[1];
  service.registry.entry(modelOf(service, exchange).name, version);
  throw notHere(what);
}

/** `PUT /models/M/V/set-default`: what is the default already may be made it again. */
function setDefault(service: Service, exchange: Exchange): void {
  const [name = "", version] = exchange.parameters;
  const entry = service.registry.entry(name, version);
  if (modelOf(service, exchange).chosen !== entry) throw notHere("given another default");
  const status = `Default version successfully updated for model "${name}" to "${entry.version}"`;
  replyStatus(exchange, 200, { status });
}

function notHere(what: string): ServingError {
  const message =
    `models are not ${what} while the server runs: it serves the paths that it was started with; ` +
    "change those and start it again";
  return new ServingError("UNSUPPORTED", message);
}

function wholeOf(
  { query }: Exchange,
  name: string,
  { fallback, min, max }: { readonly fallback: number; readonly min: number; readonly max: number },
): number {
  const text = query.get(name);
  if (text === null || text === "") return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const message = `${name}: expected a whole number from ${min} to ${max}, got ${quote(text)}`;
  throw new ServingError("INVALID_REQUEST", message, { field: name });
}
