/**
 * Wires everything: the one place that knows all rooms.
 *
 * From bottom to top: log and counters, engines, registry and service, the loader, the door.
 * Nothing here decides; what is listed first is made first, and ends last.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Limits, ServingError, systemClock } from "../base/index.ts";
import { type RestDoor, startRestDoor } from "../doors/rest/index.ts";
import {
  createInlineEngine,
  createProcessEngine,
  type Engine,
  type ProcessEngine,
  type WorkerEvent,
} from "../engine/index.ts";
import {
  type Discovery,
  discoverPackages,
  hasLocale,
  localePlaces,
  type ModelPackage,
  type PackageLocation,
  type PackageSettings,
  readPackage,
} from "../model/index.ts";
import { causeText, type Log, ProcessUsage, ServerMetrics } from "../observe/index.ts";
import { Registry } from "../registry/index.ts";
import {
  createTrial,
  type LoaderOptions,
  loadVersion,
  type ServedVersion,
  Service,
} from "../service/index.ts";

/**
 * Settings of packages that the operator sets for all of them; `undefined` leaves the package's.
 */
export interface PackageOverrides {
  readonly itemsMax: number | undefined;
  readonly delayMsMax: number | undefined;
  readonly instances: PackageSettings["instances"] | undefined;
  readonly threads: number | undefined;
}

/** What is wired; from the configuration. */
export interface ComposeOptions {
  readonly limits: Limits;
  readonly log: Log;
  /** Version of Millrace. */
  readonly build: string;
  readonly models: {
    readonly paths: readonly string[];
    readonly name: string | undefined;
    /** Absolute path of a folder for rewritten models and what was proven before. */
    readonly cacheFolder: string;
    /** Put all packages that do not say otherwise into one worker. */
    readonly isWorkerShared: boolean;
    /** What the operator says about every package; wins over its own word. */
    readonly overrides: PackageOverrides;
  };
  readonly defaultModel: string;
}

export interface DoorSettings {
  readonly host: string;
  readonly port: number;
  readonly listenSockets: number;
  readonly validationStatus: 400 | 422;
  readonly metricsDefault: "text" | "json";
  readonly serverName: string;
  readonly hasDocs: boolean;
}

export interface Core {
  readonly service: Service;
  readonly engine: ProcessEngine;
  /** Finds and loads all models; settles when each is ready or failed. */
  loadModels(progress?: LoadProgress): Promise<void>;
  openDoor(settings: DoorSettings): Promise<RestDoor>;
  /** Answers what waits, ends instances and workers. */
  close(): Promise<void>;
}

/** Told after each version that is done. */
export type LoadProgress = (done: number, total: number) => void;

/** Versions that load at the same time; each takes a core for itself. */
const loadsMax = Math.max(1, availableParallelism());

/** Everything but a door: for the server, and for commands that need a model without one. */
export function composeCore(options: ComposeOptions): Core {
  const { limits, log, build } = options;
  const clock = systemClock;
  const metrics = new ServerMetrics({ limits, clock, build });
  const engine = createProcessEngine({
    limits,
    onEvent: (event) => logWorker(log, event),
  });
  engine.prepare();
  const inline = createInlineEngine();
  const registry = new Registry<ServedVersion>();
  const defaultModel = options.defaultModel;
  const service = new Service({ registry, metrics, limits, clock, defaultModel });
  const usage = new ProcessUsage(clock.wallMs());
  return {
    service,
    engine,
    loadModels: (progress) => loadModels(options, { service, engine, inline }, progress),
    openDoor: (settings) =>
      startRestDoor({ ...settings, service, clock, log, usage, serverVersion: build }),
    async close() {
      await Promise.all(service.servedVersions().map((served) => served.close()));
      await Promise.all([engine.close(), inline.close()]);
    },
  };
}

interface Engines {
  readonly service: Service;
  readonly engine: ProcessEngine;
  readonly inline: Engine;
}

async function loadModels(
  options: ComposeOptions,
  { service, engine, inline }: Engines,
  progress: LoadProgress = () => {},
): Promise<void> {
  const { limits, log, models } = options;
  const trial = await createTrial({
    engine,
    limits,
    memoryPath: join(models.cacheFolder, "trials.json"),
  });
  const loader = {
    registry: service.registry,
    metrics: service.metrics,
    clock: service.clock,
    limits,
    log,
    trial,
    instancesAuto: Math.max(1, availableParallelism() - 1),
    engineOf: (isolation: "process" | "inline") => (isolation === "inline" ? inline : engine),
    isWorkerShared: models.isWorkerShared,
  };
  const found = await discoverPackages(models.paths, { name: models.name });
  registerRefused(service, found, log);
  const waiting = [...found.packages];
  let done = 0;
  const runner = async (): Promise<void> => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
      await loadPackage(loader, options, each);
      done += 1;
      progress(done, found.packages.length);
    }
  };
  await Promise.all(Array.from({ length: loadsMax }, runner));
  refuseMissing(service);
}

/** Reads, registers and loads one package; the registry tells how it ended. */
async function loadPackage(
  loader: LoaderOptions,
  { models, limits, log }: ComposeOptions,
  location: PackageLocation,
): Promise<void> {
  const { isRequired, defaultVersion } = location;
  try {
    const read = await readPackage(location, {
      limits,
      cacheFolder: join(models.cacheFolder, "models"),
      hasLocale: (name) => hasLocale(name, localePlaces(process.env)),
    });
    const pack = withOverrides(read, models.overrides);
    const { name: model, version } = pack;
    const entry = loader.registry.register({ model, version, isRequired, defaultVersion });
    await loadVersion(loader, entry, pack);
  } catch (thrown) {
    const error = ServingError.from(thrown);
    const { name: model, version } = location;
    log.error(`failed to load '${model}': ${error.message}`, {
      model,
      version,
      code: error.code,
      cause: causeText(error.cause),
    });
    registerFailed(loader, location, error.message);
  }
}

function withOverrides(pack: ModelPackage, said: PackageOverrides): ModelPackage {
  const { settings } = pack;
  const batching = {
    ...settings.batching,
    itemsMax: said.itemsMax ?? settings.batching.itemsMax,
    delayMsMax: said.delayMsMax ?? settings.batching.delayMsMax,
  };
  const instances = said.instances ?? settings.instances;
  const threads = said.threads ?? settings.threads;
  return { ...pack, settings: { ...settings, batching, instances, threads } };
}

function registerFailed(
  { registry }: Pick<LoaderOptions, "registry">,
  place: PackageLocation,
  reason: string,
): void {
  const { name: model, version, isRequired, defaultVersion } = place;
  if (registry.models.get(model)?.versions.has(version) === true) {
    if (isRequired) throw new ServingError("MODEL_INVALID", reason);
    return;
  }
  const entry = registry.register({ model, version, isRequired, defaultVersion });
  registry.step(entry, "failed", { reason });
}

function registerRefused(service: Service, { refused }: Discovery, log: Log): void {
  const { registry } = service;
  for (const { name: model, version = "0", reason } of refused) {
    log.error(`failed to load '${model}': ${reason}`, { model, version });
    if (registry.models.get(model)?.versions.has(version) === true) continue;
    const options = { model, version, isRequired: false, defaultVersion: "stable" } as const;
    registry.step(registry.register(options), "failed", { reason });
  }
}

/** @throws MODEL_LOAD_FAILED naming each required version that is not ready, and why */
function refuseMissing(service: Service): void {
  const reasons: string[] = [];
  for (const model of service.registry.models.values()) {
    for (const entry of model.versions.values()) {
      if (!entry.isRequired || entry.state !== "failed") continue;
      reasons.push(`failed to load '${entry.model}' ${entry.version}: ${entry.reason}`);
    }
  }
  if (reasons.length > 0) throw new ServingError("MODEL_LOAD_FAILED", reasons.join("\n"));
}

function logWorker(log: Log, event: WorkerEvent): void {
  if (event.kind === "output") log.warn(event.line, { worker_pid: event.pid });
  else if (event.kind === "started") log.debug("worker started", { worker_pid: event.pid });
  else if (event.death.kind === "closed") log.debug("worker ended", { ...event.death });
  else log.warn("worker died", { ...event.death, restart_ms: event.restartMs });
}
