/**
 * Turns a configuration into what `compose.ts` wires.
 */
import { aliasOfText } from "../model/index.ts";
import { buildVersion } from "./build-version.ts";
import { cacheFolderOf } from "./cache-folder.ts";
import type { ComposeOptions, DoorSettings, GrpcSettings } from "./compose.ts";
import type { Config } from "./config/schema.ts";
import { readTls } from "./tls-files.ts";

/** Everything but the log. */
export function coreOptions(config: Config): Omit<ComposeOptions, "log" | "fronts"> {
  const { models, batching, workers } = config;
  return {
    limits: config.limits,
    build: buildVersion(),
    models: {
      paths: models.paths,
      name: models.name === "" ? undefined : models.name,
      cacheFolder: cacheFolderOf(config.cache.folder),
      isWorkerShared: workers.share,
      overrides: {
        itemsMax: batching.itemsMax ?? undefined,
        delayMsMax: batching.delayMsMax ?? undefined,
        instances: workers.instances ?? undefined,
        threads: workers.threads ?? undefined,
      },
      aliases: models.aliases.flatMap((text) => aliasOfText(text) ?? []),
    },
    defaultVersion: models.defaultVersion,
    defaultModel: config.simple.defaultModel,
    hasModelControl: config.server.modelControl,
  };
}

/** @throws CommandError when a file of TLS cannot be read, or one is missing */
export function doorSettings(config: Config): DoorSettings {
  const { server, simple, oip, tfs, vertex, cors, docs } = config;
  return {
    host: server.host,
    port: server.port,
    listenSockets: server.listeners,
    validationStatus: simple.validationStatus,
    metricsDefault: simple.metricsDefault,
    serverName: oip.serverName,
    hasDocs: docs.enabled,
    unixSocket: server.unixSocket,
    tls: readTls("server", server),
    cors,
    hasBareTokens: tfs.bareNan,
    dialects: server.dialects,
    vertex,
  };
}

/** Port of the gRPC door when none is set and the REST door's is. */
const grpcPortDefault = 8_001;

/**
 * What the gRPC door is opened with, or `undefined` when it is off.
 * @throws CommandError when a file of TLS cannot be read, or one is missing
 */
export function grpcSettings(config: Config): GrpcSettings | undefined {
  const { grpc, server, oip, cors } = config;
  if (!grpc.enabled) return undefined;
  return {
    host: grpc.host === "" ? server.host : grpc.host,
    port: grpc.port ?? (server.port === 0 ? 0 : grpcPortDefault),
    tls: readTls("grpc", grpc),
    hasReflection: grpc.reflection,
    keepAliveMs: grpc.keepAliveMs,
    cors,
    hasWeb: grpc.web,
    serverName: oip.serverName,
  };
}
