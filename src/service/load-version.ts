/**
 * Brings one version from its folder to ready, one legal step after the other.
 *
 *   registered -> validated   the package was read and nothing in it is refused
 *   -> loading                a digest that is new runs in a process that is thrown away first
 *   -> probing                its samples give their recorded answers; batches answer as singles do
 *   -> warming                each instance has run a few times
 *   -> ready                  requests may come
 *
 * A failure at any step ends in `failed` with one sentence for the operator, closes what was opened
 * and touches no other version.
 */
import { type Clock, type Limits, ServingError } from "../base/index.ts";
import type { ArtifactSpec, Instance, LoadOptions } from "../engine/index.ts";
import {
  limitsOfPackage,
  type ModelPackage,
  prepareInputChecks,
  readSamples,
} from "../model/index.ts";
import { causeText, type Log, type ServerMetrics } from "../observe/index.ts";
import type { SuspectNews } from "../predict/index.ts";
import type { Registry, VersionEntry } from "../registry/index.ts";
import { assemble } from "./assemble.ts";
import { type FrontPlace, shareOfLimits } from "./fronts/share-limits.ts";
import { type Probe, probeVersion, warmUp } from "./probe-version.ts";
import type { ServedVersion } from "./served-version.ts";
import { sound } from "./standing/standing.ts";
import { isFailing } from "./standing/watched-standing.ts";

/** Loads a digest for the first time, away from everything that serves. */
export interface Trial {
  /** @throws MODEL_LOAD_FAILED when the engine refuses it, hangs or dies */
  tryOnce(pack: ModelPackage): Promise<void>;
}

/** An engine that may put several versions into one worker. */
export interface LoadingEngine {
  load(artifact: ArtifactSpec, options?: LoadOptions): Promise<Instance>;
}

interface VersionName {
  readonly model: string;
  readonly version: string;
}

/** What a front makes its versions with. */
export interface ServeOptions {
  readonly metrics: ServerMetrics;
  readonly clock: Clock;
  /** Those of the whole server. */
  readonly limits: Limits;
  /** Which share of them this front keeps. */
  readonly place: FrontPlace;
  /** Told of inputs that kill workers; `undefined` while there is one front. */
  readonly onSuspect?: ((name: VersionName, news: SuspectNews) => void) | undefined;
}

export interface LoaderOptions extends ServeOptions {
  readonly registry: Registry<ServedVersion>;
  readonly log: Log;
  readonly trial: Trial;
  /** Child processes, or this process. */
  engineOf(isolation: "process" | "inline"): LoadingEngine;
  /** Packages that do not ask for several instances live in one worker. */
  readonly isWorkerShared: boolean;
  /** What `instances: auto` means here. */
  readonly instancesAuto: number;
}

let lastSerial = 0;

/** The worker that small models share. */
const sharedWorker = "shared";

/** Loads a registered version of a package. Never rejects: the entry tells how it ended. */
export async function loadVersion(
  options: LoaderOptions,
  entry: VersionEntry<ServedVersion>,
  pack: ModelPackage,
): Promise<void> {
  const { registry, clock, log } = options;
  const startedAtMs = clock.nowMs();
  const names = { model: entry.model, version: entry.version };
  const instances: Instance[] = [];
  try {
    const samples = await readSamples(pack, limitsOfPackage(options.limits, pack.settings.limits));
    registry.step(entry, "validated");
    for (const warning of pack.warnings) log.warn(warning, names);
    registry.step(entry, "loading");
    await loadInstances(options, pack, instances);
    registry.step(entry, "probing");
    const probe = await probeVersion(pack, samples, instances);
    for (const warning of probe.warnings) log.warn(warning, names);
    registry.step(entry, "warming");
    await warmUp(instances, probe, pack.settings.warmup.runs);
    const loadMs = clock.nowMs() - startedAtMs;
    const readyAtWallMs = clock.wallMs();
    lastSerial += 1;
    const loaded = { pack, probe, instances, loadMs, readyAtWallMs, serial: lastSerial };
    const served = serveVersion(options, entry, loaded);
    registry.step(entry, "ready", { served });
    log.info("ready", { ...names, load_ms: Math.round(loadMs) });
  } catch (thrown) {
    const error = ServingError.from(thrown);
    registry.step(entry, "failed", { reason: error.message });
    if (error.limit !== undefined) options.metrics.limitHits.add(error.limit);
    const facts = { ...names, code: error.code, cause: causeText(error.cause) };
    log.error(`failed to load '${entry.model}' ${entry.version}: ${error.message}`, facts);
    await Promise.all(instances.map((instance) => instance.close()));
  }
}

async function loadInstances(
  options: LoaderOptions,
  pack: ModelPackage,
  instances: Instance[],
): Promise<void> {
  const artifact = artifactOf(pack);
  if (pack.settings.isolation === "process") {
    await options.trial.tryOnce(pack);
  }
  const { settings } = pack;
  const engine = options.engineOf(settings.isolation);
  const wanted = settings.instances === "auto" ? options.instancesAuto : settings.instances;
  const isShared = settings.workers.share || options.isWorkerShared;
  const worker = isShared && wanted === 1 ? sharedWorker : undefined;
  const loads = Array.from({ length: wanted }, () => engine.load(artifact, { worker }));
  for (const load of await Promise.allSettled(loads)) {
    if (load.status === "fulfilled") instances.push(load.value);
  }
  // All are waited for first, so that a failure leaves no instance behind.
  await Promise.all(loads);
}

/** What the engine is told about a package. */
export function artifactOf(pack: ModelPackage): ArtifactSpec {
  const { inputs, outputs } = pack.signature;
  return {
    kind: "onnx",
    path: pack.artifactPath,
    digest: pack.digest,
    inputs: inputs.map(({ name, dtype }) => ({ name, dtype })),
    outputs: outputs.map(({ name, dtype }) => ({ name, dtype })),
    threads: pack.settings.threads,
  };
}

/** A version that served and cannot be loaded again says why, for as long as that is so. */
function noteProblem(entry: VersionEntry<ServedVersion>, instances: readonly Instance[]): void {
  if (entry.state !== "ready") return;
  entry.reason = instances.find((each) => (each.problem ?? "") !== "")?.problem ?? "";
}

interface Loaded {
  readonly pack: ModelPackage;
  readonly probe: Pick<Probe, "signature" | "sample">;
  readonly instances: readonly Instance[];
  readonly loadMs: number;
  readonly readyAtWallMs: number;
  readonly serial: number;
}

/** Makes a version that answers of one that is loaded. */
export function serveVersion(
  options: ServeOptions,
  entry: VersionEntry<ServedVersion>,
  { pack, probe, instances, loadMs, readyAtWallMs, serial }: Loaded,
): ServedVersion {
  const { clock, metrics, place } = options;
  const limits = shareOfLimits(limitsOfPackage(options.limits, pack.settings.limits), place);
  const { signature } = probe;
  const counted = metrics.of(entry.model, entry.version);
  const { model, version } = entry;
  const tell = options.onSuspect;
  const onSuspect = tell && ((news: SuspectNews) => tell({ model, version }, news));
  const parts = { pack, signature, instances, limits, clock, metrics: counted, onSuspect };
  const predictor = assemble(parts);
  for (const instance of instances) instance.onReadyChange(() => noteProblem(entry, instances));
  const standing = { now: sound, isFailingElsewhere: false };
  const isReady = (): boolean => !isFailing(standing) && instances.some((each) => each.isReady);
  const gauges = {
    isReady,
    workerMemoryBytes: () => instances.reduce((sum, each) => sum + each.memoryBytes, 0),
    workerRestarts: () => instances.reduce((sum, each) => sum + each.restarts, 0),
  };
  counted.loaded(loadMs, gauges);
  return {
    model: entry.model,
    version: entry.version,
    revision: entry.revision,
    package: pack,
    signature,
    checks: prepareInputChecks(signature, limits),
    predictor,
    metrics: counted,
    instances: instances.length,
    loaded: instances,
    loadMs,
    readyAtWallMs,
    deadlineMsDefault: limits.deadlineMsDefault,
    sample: probe.sample,
    standing,
    serial,
    held: 0,
    isReady,
    learnSuspect: (news) => predictor.learnSuspect(news),
    refuse: (code = "DRAINING") => predictor.close(code),
    async close(code = "DRAINING") {
      await predictor.drain();
      predictor.close(code);
      await Promise.all(instances.map((instance) => instance.close()));
      counted.unloaded(gauges);
    },
  };
}
