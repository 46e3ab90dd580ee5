/**
 * Turns a configuration into what `compose.ts` wires.
 */
import { aliasOfText } from "../model/index.ts";
import { buildVersion } from "./build-version.ts";
import { cacheFolderOf } from "./cache-folder.ts";
import type { ComposeOptions, DoorSettings } from "./compose.ts";
import type { Config } from "./config/schema.ts";

/** Everything but the log. */
export function coreOptions(config: Config): Omit<ComposeOptions, "log"> {
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
  };
}

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
    cors,
    hasBareTokens: tfs.bareNan,
    dialects: server.dialects,
    vertex,
  };
}
