/**
 * The engine in child processes (`isolation: process`, the default).
 *
 * One worker for each loaded version, or one for all that are loaded under the same `worker` name,
 * so that many small models share the price of a process. A process can be started before there is
 * anything to load (`prepare`), because its start takes longer than reading the configuration.
 */
import {
  type Clock,
  defaultLimits,
  type Limits,
  type Random,
  ServingError,
  systemClock,
  systemRandom,
} from "../../base/index.ts";
import type { ArtifactSpec, Batch, Engine, Instance } from "../engine.ts";
import type { Death } from "./death.ts";
import { type TrialOutcome, tryArtifact } from "./trial.ts";
import { WorkerProcess } from "./worker-process.ts";
import { WorkerSlot } from "./worker-slot.ts";

type EngineLimits = Pick<Limits, "modelLoadMsMax" | "workerBackoffMsMax" | "workerMemoryBytesMax">;

export interface ProcessEngineOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly limits?: EngineLimits;
  /** Batches that may be under way in one instance: one that runs and those sent ahead. */
  readonly runsMax?: number;
  /** Our environment; workers get the named keys of it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly onEvent?: (event: WorkerEvent) => void;
  /** There are other fronts, which `connect` names. */
  readonly hasFronts?: boolean;
}

/** What happens to workers, for logs and metrics. */
export type WorkerEvent =
  | { readonly kind: "output"; readonly pid: number; readonly line: string }
  | { readonly kind: "started"; readonly pid: number }
  | {
      /** A version that had worked could not be loaded into a new worker. */
      readonly kind: "reloadFailed";
      readonly path: string;
      readonly error: ServingError;
      /** It is tried again after so many ms. */
      readonly retryMs: number;
    }
  | {
      readonly kind: "died";
      readonly death: Death;
      /** The number of the worker in the seats of its instances. */
      readonly worker: number;
      /** When the next one starts, or `undefined` when none is wanted. */
      readonly restartMs: number | undefined;
    };

export interface LoadOptions {
  /** Versions loaded under one name share a worker; `undefined` = a worker of its own. */
  readonly worker?: string | undefined;
}

export interface ProcessEngine extends Engine {
  load(artifact: ArtifactSpec, options?: LoadOptions): Promise<Instance>;
  /** Starts a process ahead of the first load. */
  prepare(): void;
  /** Loads and probes an artifact in a process that is thrown away. Never rejects. */
  tryOut(artifact: ArtifactSpec, probes: readonly Batch[]): Promise<TrialOutcome>;
  /** From now on `close` gives no process time to end by itself. */
  hurry(): void;
  /** From now on every worker connects to the front number `front`, which listens on `path`. */
  connect(front: number, path: string): void;
  /** That front is gone. */
  disconnect(front: number): void;
  /** Process ids of the workers that live. */
  readonly pids: readonly number[];
}

const helloMsMax = 30_000;

/** Between the polite end of a process and the forced one. */
const graceMsDefault = 2_000;

export function createProcessEngine(options: ProcessEngineOptions = {}): ProcessEngine {
  return new Host(options);
}

class Host implements ProcessEngine {
  readonly #options: ProcessEngineOptions;
  readonly #clock: Clock;
  /** At most one for each loaded version. */
  readonly #slots = new Set<WorkerSlot>();
  /** The slots that have a name; a subset of `#slots`. */
  readonly #named = new Map<string, WorkerSlot>();
  /** Every process that lives: one for each slot, spare and trial. */
  readonly #processes = new Set<WorkerProcess>();
  /** Those that hold versions; a subset of `#processes`. */
  readonly #serving = new Set<WorkerProcess>();
  /** Where the other fronts listen; at most as many as there are. */
  readonly #fronts = new Map<number, string>();
  #spare: WorkerProcess | undefined;
  #isClosed = false;
  #graceMs = graceMsDefault;

  constructor(options: ProcessEngineOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get pids(): number[] {
    return [...this.#processes].map((each) => each.pid);
  }

  prepare(): void {
    this.#spare ??= this.#spawn();
  }

  async load(artifact: ArtifactSpec, options: LoadOptions = {}): Promise<Instance> {
    if (this.#isClosed) throw new ServingError("MODEL_NOT_READY", "the engine is closed");
    return await this.#slotFor(options.worker).load(artifact);
  }

  async tryOut(artifact: ArtifactSpec, probes: readonly Batch[]): Promise<TrialOutcome> {
    const { modelLoadMsMax } = this.#options.limits ?? defaultLimits;
    try {
      return await tryArtifact(this.#spawn(), artifact, { probes, loadMsMax: modelLoadMsMax });
    } catch (thrown) {
      const message = "the model cannot be loaded: no trial worker can be started";
      const refusal = new ServingError("MODEL_LOAD_FAILED", message, { cause: thrown });
      return { refusal, probes: [], memoryBytes: 0 };
    }
  }

  hurry(): void {
    this.#graceMs = 0;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const spare = this.#spare;
    this.#spare = undefined;
    await Promise.all([...[...this.#slots].map((slot) => slot.close()), spare?.end(0)]);
  }

  connect(front: number, path: string): void {
    this.#fronts.set(front, path);
    for (const worker of this.#serving) worker.connect(front, path);
  }

  disconnect(front: number): void {
    this.#fronts.delete(front);
  }

  #slotFor(name: string | undefined): WorkerSlot {
    const known = name === undefined ? undefined : this.#named.get(name);
    if (known !== undefined && !known.isClosed) return known;
    const { limits = defaultLimits, random = systemRandom, runsMax = 2, onEvent } = this.#options;
    const slot: WorkerSlot = new WorkerSlot({
      clock: this.#clock,
      random,
      runsMax,
      modelLoadMsMax: limits.modelLoadMsMax,
      backoffMsMax: limits.workerBackoffMsMax,
      graceMs: () => this.#graceMs,
      start: (onDeath) => this.#start(onDeath),
      tryOut: async (each) => (await this.tryOut(each, [])).refusal,
      onReloadFailed: (path, error, retryMs) =>
        onEvent?.({ kind: "reloadFailed", path, error, retryMs }),
      onDeath: (death, restartMs, worker) => onEvent?.({ kind: "died", death, restartMs, worker }),
      onEmpty: () => {
        this.#slots.delete(slot);
        if (name !== undefined && this.#named.get(name) === slot) this.#named.delete(name);
      },
    });
    this.#slots.add(slot);
    if (name !== undefined) this.#named.set(name, slot);
    return slot;
  }

  #start(onDeath: (death: Death) => void): WorkerProcess {
    const spare = this.#spare;
    this.#spare = undefined;
    const worker = spare === undefined || spare.isDead ? this.#spawn() : spare;
    worker.onDeath = onDeath;
    this.#serving.add(worker);
    for (const [front, path] of this.#fronts) worker.connect(front, path);
    return worker;
  }

  #spawn(): WorkerProcess {
    const { limits = defaultLimits, onEvent } = this.#options;
    const worker = new WorkerProcess({
      clock: this.#clock,
      helloMsMax,
      memoryBytesMax: limits.workerMemoryBytesMax,
      environment: this.#options.environment ?? process.env,
      hasFronts: this.#options.hasFronts ?? false,
      onLine: (line, pid) => onEvent?.({ kind: "output", pid, line }),
      onGone: (gone) => {
        this.#processes.delete(gone);
        this.#serving.delete(gone);
      },
    });
    this.#processes.add(worker);
    onEvent?.({ kind: "started", pid: worker.pid });
    return worker;
  }
}
