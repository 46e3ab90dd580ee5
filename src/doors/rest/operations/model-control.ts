/**
 * The model control of SageMaker's multi-model containers and of TorchServe.
 *
 * Both claim `/models`, which the simple dialect has too: these routes are open only on a listener
 * that does not speak it. Models are loaded and unloaded where the operator allows it. What was
 * unloaded is not there, for these two. How many workers a model has is said when it is loaded, and
 * the default version is an alias of the operator's: asking for what is so already is answered, the
 * rest refused with what to do instead.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { type RunSettings, runCeilings } from "../../../model/index.ts";
import {
  controlOf,
  isVersionReady,
  type ServedVersion,
  type Service,
  wasUnloaded,
} from "../../../service/index.ts";
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
  const unload = (exchange: Exchange): Promise<void> => unregister(service, exchange, isTorchserve);
  const scale = (exchange: Exchange): void => scaleWorkers(service, exchange);
  const own: Route[] = [
    { ...get, path: "/models", handle: (exchange) => list(service, exchange) },
    { ...get, path: "/models/:model", handle: (exchange) => one(service, exchange) },
    {
      ...change,
      method: "POST",
      path: "/models",
      handle: (each) => register(service, each, isTorchserve),
    },
    { ...change, method: "DELETE", path: "/models/:model", handle: unload },
  ];
  if (!isTorchserve) return own;
  const version = "/models/:model/:version";
  return [
    ...own,
    { ...get, path: version, handle: (exchange) => describeWorkers(service, exchange) },
    { ...change, method: "DELETE", path: version, handle: unload },
    { ...change, method: "PUT", path: "/models/:model", handle: scale },
    { ...change, method: "PUT", path: version, handle: scale },
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
  const all = [...service.registry.models.values()].filter(isThere);
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

/** What was unloaded is there no more. */
function isThere(model: ModelOf): boolean {
  return [...model.versions.values()].some((entry) => !wasUnloaded(entry));
}

/** What could not be loaded may be tried again. */
function isLoaded(model: ModelOf): boolean {
  return [...model.versions.values()].some(
    (entry) => entry.served !== undefined && !wasUnloaded(entry),
  );
}

function modelOf(service: Service, { parameters }: Exchange): ModelOf {
  const name = parameters[0] ?? "";
  const model = service.registry.models.get(name);
  if (model !== undefined && isThere(model)) return model;
  const message = `Request for unknown model: ${quote(name)} is not found`;
  throw new ServingError("MODEL_NOT_FOUND", message);
}

/** `GET /models/M[/V|/all]` of TorchServe. */
function describeWorkers(service: Service, exchange: Exchange): void {
  const [name = "", version] = exchange.parameters;
  const model = modelOf(service, exchange);
  const entries =
    version === "all"
      ? [...model.versions.values()].filter((entry) => !wasUnloaded(entry))
      : [service.registry.entry(name, version)];
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

/**
 * `POST /models` of both: the name in a JSON body or in the query, and where the model lies.
 *
 * SageMaker names a folder of its own choice below the server's path; TorchServe names an archive
 * or a folder in its store, here a model below the server's paths. Workers start at once and the
 * answer waits for them, whatever `synchronous` says.
 */
async function register(
  service: Service,
  exchange: Exchange,
  isTorchserve: boolean,
): Promise<void> {
  const body = textsInBody(service, exchange);
  const url = exchange.query.get("url") ?? body.url;
  const asked = exchange.query.get("model_name") ?? body.model_name;
  const model = asked === "" && isTorchserve ? modelOfUrl(url) : asked;
  if (model === "") {
    const message = "Missing 'model_name' in request: expected the name of a model";
    throw new ServingError("INVALID_REQUEST", message, { field: "model_name" });
  }
  const known = service.registry.models.get(model);
  if (known !== undefined && isLoaded(known)) {
    const message = `model ${quote(model)} is loaded already`;
    throw new ServingError("ALREADY_EXISTS", message, { field: "model_name" });
  }
  const settings = isTorchserve ? settingsOf(exchange) : undefined;
  const place = url === "" ? undefined : url;
  await controlOf(service, "loaded").load({ model, place, settings });
  const status = isTorchserve ? `Model "${model}" registered` : `model ${quote(model)} is loaded`;
  replyStatus(exchange, 200, { status });
}

/** How TorchServe's caller wants it run; 0 and nothing are the package's word. */
function settingsOf(exchange: Exchange): RunSettings {
  const read = (name: string, max: number): number | undefined => {
    const whole = wholeOf(exchange, name, { fallback: 0, min: 0, max });
    return whole === 0 ? undefined : whole;
  };
  return {
    itemsMax: read("batch_size", runCeilings.itemsMax),
    delayMsMax: read("max_batch_delay", runCeilings.delayMsMax),
    instances: read("initial_workers", runCeilings.instances),
  };
}

/** The name that TorchServe takes from an archive or folder when none is given. */
function modelOfUrl(url: string): string {
  const last = url.split("/").filter(Boolean).at(-1) ?? "";
  const dot = last.lastIndexOf(".");
  return dot > 0 ? last.slice(0, dot) : last;
}

/** `DELETE /models/M[/V]` */
async function unregister(
  service: Service,
  exchange: Exchange,
  isTorchserve: boolean,
): Promise<void> {
  const { name } = modelOf(service, exchange);
  const version = exchange.parameters[1];
  service.registry.entry(name, version);
  await controlOf(service, "unloaded").unload({ model: name, version });
  const status = isTorchserve ? `Model "${name}" unregistered` : `model ${quote(name)} is unloaded`;
  replyStatus(exchange, 200, { status });
}

/** `PUT /models/M[/V]?min_worker=&max_worker=`: as many as there are may be asked for. */
function scaleWorkers(service: Service, exchange: Exchange): void {
  const { name } = modelOf(service, exchange);
  const entry = service.registry.entry(name, exchange.parameters[1]);
  const count = entry.served?.instances ?? 0;
  for (const field of ["min_worker", "max_worker"]) {
    const wanted = wholeOf(exchange, field, { fallback: count, min: 0, max: 1_000_000 });
    const isMet = field === "min_worker" ? wanted <= count : wanted >= count;
    if (isMet) continue;
    const message =
      `${field}: got ${wanted}, and model ${quote(name)} has ${count}: the count is that of its ` +
      "package (instances), of the server (--instances) or of its registration (initial_workers)";
    throw new ServingError("UNSUPPORTED", message, { field });
  }
  replyStatus(exchange, 200, { status: "Processing worker updates..." });
}

function textsInBody(
  { limits }: Service,
  { body }: Exchange,
): { readonly model_name: string; readonly url: string } {
  const texts = { model_name: "", url: "" };
  const reader = new JsonReader(body, limits.jsonDepthMax);
  if (reader.peek() === "end") return texts;
  reader.enterObject();
  while (reader.nextMember()) {
    const name = (["model_name", "url"] as const).find((each) => reader.isKey(each));
    if (name !== undefined && reader.peek() === "string") texts[name] = reader.readString();
    else reader.skipValue();
  }
  reader.end();
  return texts;
}

/** `PUT /models/M/V/set-default`: what is the default already may be made it again. */
function setDefault(service: Service, exchange: Exchange): void {
  const [name = "", version] = exchange.parameters;
  const entry = service.registry.entry(name, version);
  if (modelOf(service, exchange).chosen !== entry) throw otherDefault();
  const status = `Default version successfully updated for model "${name}" to "${entry.version}"`;
  replyStatus(exchange, 200, { status });
}

function otherDefault(): ServingError {
  const message =
    "the version that answers when none is named is not changed while the server runs: it is the " +
    "highest, or the one that has the alias 'stable'";
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
  const isWhole = Number.isInteger(value) && String(value) === text;
  if (isWhole && value >= min && value <= max) return value;
  const message = `${name}: expected a whole number from ${min} to ${max}, got ${quote(text)}`;
  throw new ServingError("INVALID_REQUEST", message, { field: name });
}
