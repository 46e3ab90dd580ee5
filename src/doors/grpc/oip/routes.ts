/**
 * `inference.GRPCInferenceService`: the Open Inference Protocol v2 and its extensions.
 *
 * What is known to the protocol but not offered answers UNIMPLEMENTED and says so. Contract:
 * proto/inference/grpc_service.proto.
 */
import { ServingError } from "../../../base/index.ts";
import {
  controlOf,
  filePrefix,
  isReadyNow,
  type LoadParameters,
  loadSettings,
  modelConfig,
  modelMetadata,
  modelStatistics,
  notOffered,
  oipExtensions,
  repositoryIndex,
  type ServedVersion,
  type Service,
  servedOf,
} from "../../../service/index.ts";
import { sharedMemoryText } from "../../../tensor/index.ts";
import type { PlainMessage } from "../messages.ts";
import type { Method } from "../method.ts";
import { plainMethod } from "../plain-method.ts";
import type { GrpcService } from "../routes.ts";
import { infer } from "./infer.ts";
import { streamInfer } from "./stream-infer.ts";

export interface OipServiceOptions {
  readonly service: Service;
  readonly serverName: string;
  readonly serverVersion: string;
}

export function oipService(options: OipServiceOptions): GrpcService {
  const { service } = options;
  return {
    name: "inference.GRPCInferenceService",
    methods: {
      ...questions(options),
      ...repository(service),
      ...refused(),
      ModelInfer: {
        kind: "unary",
        isWork: true,
        handle: (call, message) => infer(service, call, message),
      },
      ModelStreamInfer: {
        kind: "stream",
        isWork: true,
        isClientStream: true,
        open: (call) => streamInfer(options.service, call),
      },
    },
  };
}

type Answer = (request: PlainMessage) => object | Promise<object>;

function method(name: string, answer: Answer): Method {
  const types = { request: `inference.${name}Request`, response: `inference.${name}Response` };
  return plainMethod(types, answer);
}

function named(request: PlainMessage): { name: string; version: string | undefined } {
  const version = String(request["version"]);
  return { name: String(request["name"]), version: version === "" ? undefined : version };
}

function questions(options: OipServiceOptions): { [name: string]: Method } {
  const { service, serverName, serverVersion } = options;
  const find = (request: PlainMessage): ServedVersion => {
    const { name, version } = named(request);
    return service.find(name, version);
  };
  return {
    ServerLive: method("ServerLive", () => ({ live: true })),
    ServerReady: method("ServerReady", () => ({ ready: service.health().isReady })),
    ModelReady: method("ModelReady", (request) => ({ ready: isReady(service, request) })),
    ServerMetadata: method("ServerMetadata", () => ({
      name: serverName,
      version: serverVersion,
      extensions: oipExtensions(service),
    })),
    ModelMetadata: method("ModelMetadata", (request) => {
      const served = find(request);
      const versions = servedOf(service, served.model).map((each) => each.version);
      return modelMetadata(served, versions);
    }),
    ModelConfig: method("ModelConfig", (request) => ({ config: modelConfig(find(request)) })),
    ModelStatistics: method("ModelStatistics", (request) => statistics(service, request)),
  };
}

/** Unknown and unloaded models are simply not ready here. */
function isReady(service: Service, request: PlainMessage): boolean {
  const { name, version } = named(request);
  try {
    return isReadyNow(service, name, version);
  } catch (thrown) {
    if (ServingError.is(thrown)) return false;
    throw thrown;
  }
}

async function statistics(service: Service, request: PlainMessage): Promise<object> {
  const { name, version } = named(request);
  const versions = name === "" ? service.servedVersions() : statisticsOf(service, name, version);
  const whole = await service.wholeMetrics({ hasWindows: false });
  return { model_stats: versions.map((served) => modelStatistics(served, whole)) };
}

function statisticsOf(
  service: Service,
  name: string,
  version: string | undefined,
): ServedVersion[] {
  const served = service.find(name, version);
  return version === undefined ? servedOf(service, served.model) : [served];
}

function repository(service: Service): { [name: string]: Method } {
  return {
    RepositoryIndex: method("RepositoryIndex", (request) => {
      checkRepository(request);
      return { models: repositoryIndex(service, request["ready"] === true) };
    }),
    RepositoryModelLoad: method("RepositoryModelLoad", async (request) => {
      const control = controlOf(service, "loaded");
      checkRepository(request);
      const model = String(request["model_name"]);
      const settings = loadSettings({ service, model }, loadParameters(request));
      await control.load({ model, place: undefined, settings });
      return {};
    }),
    RepositoryModelUnload: method("RepositoryModelUnload", async (request) => {
      const control = controlOf(service, "unloaded");
      checkRepository(request);
      await control.unload({ model: String(request["model_name"]), version: undefined });
      return {};
    }),
  };
}

/** @throws INVALID_REQUEST when the configuration is no text */
function loadParameters(request: PlainMessage): LoadParameters {
  const all = request["parameters"] as { readonly [name: string]: PlainMessage } | undefined;
  const names = Object.keys(all ?? {});
  const file = names.find((name) => name.startsWith(filePrefix));
  const said = all?.["config"];
  if (said === undefined) return { config: undefined, file };
  const config = said["string_param"];
  if (typeof config === "string") return { config, file };
  const message = "parameters.config: expected a string_param with JSON as text";
  throw new ServingError("INVALID_REQUEST", message, { field: "parameters.config" });
}

/** There is one repository, and it has no name. */
function checkRepository(request: PlainMessage): void {
  if (request["repository_name"] === "") return;
  throw notOffered("a repository by its name");
}

function refused(): { [name: string]: Method } {
  const methods: { [name: string]: Method } = {};
  for (const kind of ["System", "Cuda"]) {
    const status = `${kind}SharedMemoryStatus`;
    methods[status] = method(status, () => ({ regions: {} }));
    for (const verb of ["Register", "Unregister"]) {
      const name = `${kind}SharedMemory${verb}`;
      methods[name] = method(name, () => {
        throw new ServingError("UNSUPPORTED", sharedMemoryText);
      });
    }
  }
  for (const [name, what] of [
    ["TraceSetting", "settings of traces"],
    ["LogSettings", "settings of the log"],
  ] as const) {
    methods[name] = method(name, () => {
      throw notOffered(what);
    });
  }
  return methods;
}
