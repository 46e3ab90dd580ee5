/**
 * Wires everything: the one place that knows all rooms.
 *
 * From bottom to top: log and counters, engines, registry and service, the loader, the door.
 * Nothing here decides; what is listed first is made first, and ends last.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Limits, ServingError, systemClock } from "../base/index.ts";
import { type GrpcDoor, type GrpcDoorOptions, startGrpcDoor } from "../doors/grpc/index.ts";
import { type RestDoor, type RestDoorOptions, startRestDoor } from "../doors/rest/index.ts";
import {
  createInlineEngine,
  createProcessEngine,
  type Death,
  type Engine,
  type ProcessEngine,
  type WorkerEnd,
  type WorkerEvent,
} from "../engine/index.ts";
import type { ModelAlias, RunSettings } from "../model/index.ts";
import { causeText, type Log, ProcessUsage, ServerMetrics } from "../observe/index.ts";
import type { SuspectNews } from "../predict/index.ts";
import { type DefaultVersion, Registry } from "../registry/index.ts";
import {
  createTrial,
  type LoadModelsOptions,
  type LoadProgress,
  loadModels,
  ModelControl,
  SampleWatch,
  type ServedVersion,
  Service,
  shareOfLimits,
} from "../service/index.ts";

/** A front has found something of an input that kills workers. */
export interface InputNews {
  readonly model: string;
  readonly version: string;
  readonly suspect: SuspectNews;
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
    readonly overrides: RunSettings;
    readonly aliases: readonly ModelAlias[];
  };
  /** How many processes answer the network; this is the first of them. */
  readonly fronts: number;
  readonly defaultVersion: DefaultVersion;
  readonly defaultModel: string;
  /** Callers may load and unload models. */
  readonly hasModelControl: boolean;
}

/** What the configuration says of the door; the rest of its options is wired here. */
export type DoorSettings = Omit<
  RestDoorOptions,
  "service" | "clock" | "log" | "usage" | "serverVersion"
>;

/** The same of the gRPC door. */
export type GrpcSettings = Omit<GrpcDoorOptions, "service" | "clock" | "log" | "serverVersion">;

export interface Core {
  readonly service: Service;
  readonly engine: ProcessEngine;
  readonly usage: ProcessUsage;
  /** Told what other fronts want to know; one at most. */
  onWorkerEnd: ((end: WorkerEnd) => void) | undefined;
  onSuspect: ((news: InputNews) => void) | undefined;
  onStanding: ((served: ServedVersion) => void) | undefined;
  /** Tells other fronts what is served now; settles when they have left the rest. */
  publish: (() => Promise<void>) | undefined;
  /** Finds and loads all models; settles when each is ready or failed. */
  loadModels(progress?: LoadProgress): Promise<void>;
  openDoor(settings: DoorSettings): Promise<RestDoor>;
  openGrpc(settings: GrpcSettings): Promise<GrpcDoor>;
  /** Time is up: `close` gives no worker time to end by itself. */
  hurry(): void;
  /** Answers what waits, ends instances and workers. */
  close(): Promise<void>;
}

/** Everything but a door: for the server, and for commands that need a model without one. */
export function composeCore(options: ComposeOptions): Core {
  const { limits, log, build } = options;
  const clock = systemClock;
  const metrics = new ServerMetrics({ limits, clock, build });
  const place = { index: 0, count: options.fronts };
  const engine = createProcessEngine({
    limits,
    hasFronts: options.fronts > 1,
    // A worker of several fronts has the batches of the others to go on with.
    ...(options.fronts > 1 ? { runsMax: 1 } : {}),
    onEvent(event) {
      logWorker(log, event);
      if (event.kind === "died") core.onWorkerEnd?.({ ...event.death, worker: event.worker });
    },
  });
  engine.prepare();
  const inline = createInlineEngine();
  const registry = new Registry<ServedVersion>(options.defaultVersion);
  const defaultModel = options.defaultModel;
  const share = shareOfLimits(limits, place);
  const service = new Service({ registry, metrics, limits: share, clock, defaultModel });
  const watch = new SampleWatch({
    clock,
    servedVersions: () => service.servedVersions(),
    changed(served, isFailing) {
      logStanding(log, served, isFailing);
      core.onStanding?.(served);
    },
  });
  watch.start();
  const usage = new ProcessUsage(clock.wallMs());
  const core: Core = {
    service,
    engine,
    usage,
    onWorkerEnd: undefined,
    onSuspect: undefined,
    onStanding: undefined,
    publish: undefined,
    loadModels: (progress) => load(options, { service, engine, inline, core }, progress),
    openDoor: (settings) =>
      startRestDoor({ ...settings, service, clock, log, usage, serverVersion: build }),
    openGrpc: (settings) =>
      startGrpcDoor({ ...settings, service, clock, log, serverVersion: build }),
    hurry: () => engine.hurry(),
    async close() {
      watch.stop();
      await Promise.all(service.servedVersions().map((served) => served.close()));
      await Promise.all([engine.close(), inline.close()]);
    },
  };
  return core;
}

interface Engines {
  readonly service: Service;
  readonly engine: ProcessEngine;
  readonly inline: Engine;
  readonly core: Core;
}

async function load(
  { limits, log, models, fronts, hasModelControl }: ComposeOptions,
  { service, engine, inline, core }: Engines,
  progress: LoadProgress | undefined,
): Promise<void> {
  const cores = availableParallelism();
  const options: LoadModelsOptions = {
    ...models,
    cacheFolder: join(models.cacheFolder, "models"),
    mayBeEmpty: hasModelControl,
    registry: service.registry,
    metrics: service.metrics,
    clock: service.clock,
    limits,
    place: { index: 0, count: fronts },
    ...(fronts === 1
      ? {}
      : { onSuspect: (name, suspect) => core.onSuspect?.({ ...name, suspect }) }),
    log,
    trial: await createTrial({
      engine,
      limits,
      memoryPath: join(models.cacheFolder, "trials.json"),
    }),
    // Each front takes one core.
    instancesAuto: Math.max(1, cores - fronts),
    loadsMax: cores,
    engineOf(isolation) {
      if (isolation === "process") return engine;
      if (fronts === 1) return inline;
      const message =
        "isolation: inline needs a single front: take isolation: process, or --fronts 1";
      throw new ServingError("MODEL_LOAD_FAILED", message);
    },
    progress,
  };
  const publish = async (): Promise<void> => await core.publish?.();
  if (hasModelControl) service.control = new ModelControl({ ...options, service, publish });
  await loadModels(options);
}

export function logStanding(log: Log, { model, version }: ServedVersion, isFailing: boolean): void {
  const names = { model, version };
  if (isFailing) log.error("not ready: its last results were errors, its sample too", names);
  else log.info("ready again: it answers", names);
}

function logWorker(log: Log, event: WorkerEvent): void {
  if (event.kind === "output") log.warn(event.line, { worker_pid: event.pid });
  else if (event.kind === "started") log.debug("worker started", { worker_pid: event.pid });
  else if (event.kind === "reloadFailed") {
    const { path, error, retryMs } = event;
    const cause = causeText(error.cause);
    log.error(`cannot load a model again: ${error.message}`, {
      path,
      cause,
      retry_ms: Math.round(retryMs),
    });
  } else if (event.death.kind === "closed") log.debug("worker ended", told(event.death));
  else log.warn("worker died", { ...told(event.death), restart_ms: event.restartMs });
}

function told({ kind, words }: Death): { readonly kind: string; readonly words: string } {
  return { kind, words };
}
