/**
 * A place for one worker that is always filled: when the process dies, a new one takes its place and
 * loads what the old one held.
 *
 *   member: loading --loaded--> ready --death--> lost --loaded again--> ready     any --> closed
 *
 * A load that fails the first time is the caller's to know and is not tried again. A member that
 * cannot be loaded again after a death is tried with the same back-off as a worker that keeps dying.
 * Invariant: a member is ready only while the process that holds it lives.
 */
import { type Clock, type Random, ServingError, type Timer } from "../../base/index.ts";
import type { ArtifactSpec, Batch, BatchResult, Instance } from "../engine.ts";
import type { Death } from "./death.ts";
import { restartDelayMs } from "./restart-policy.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface WorkerSlotOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly runsMax: number;
  readonly modelLoadMsMax: number;
  readonly backoffMsMax: number;
  /** Gives a process that just starts, or has started and holds nothing. */
  readonly start: (onDeath: (death: Death) => void) => WorkerProcess;
  /** A process died; the next starts after `delayMs`, or never when `undefined`. */
  readonly onDeath: (death: Death, delayMs: number | undefined) => void;
  /** The last member is gone and the process with it. */
  readonly onEmpty: () => void;
}

const graceMs = 2_000;

interface Member {
  readonly artifact: ArtifactSpec;
  readonly instance: SlotInstance;
}

export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  /** Loaded versions by number; the registry holds how many share a worker. */
  readonly #members = new Map<number, Member>();
  #worker: WorkerProcess | undefined;
  #nextMember = 1;
  #deathsInRow = 0;
  #restart: Timer | undefined;
  /** Loads that wait for the end of a back-off; at most one for each load under way. */
  #onStart: (() => void)[] = [];
  #isClosed = false;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
  }

  get worker(): WorkerProcess | undefined {
    return this.#worker;
  }

  /** Throws MODEL_LOAD_FAILED. */
  async load(artifact: ArtifactSpec): Promise<Instance> {
    const id = this.#nextMember;
    this.#nextMember += 1;
    for (let attempt = 0; ; attempt += 1) {
      if (this.#isClosed) throw closedError();
      const worker = await this.#running();
      try {
        await worker.load(id, artifact, this.#options.modelLoadMsMax);
        const instance = new SlotInstance(this, id);
        this.#members.set(id, { artifact, instance });
        instance.change(true);
        return instance;
      } catch (thrown) {
        const error = ServingError.from(thrown);
        if (error.code !== "WORKER_LOST" || attempt > 0) throw this.#refused(error);
      }
    }
  }

  run(id: number, batch: Batch): Promise<BatchResult> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(notReady());
    return worker.run(id, batch);
  }

  get runsMax(): number {
    return this.#options.runsMax;
  }

  /** A batch came back: whatever killed workers before, this one works. */
  noteGoodBatch(): void {
    this.#deathsInRow = 0;
  }

  /** Forgets a member and gives its memory back; the last one takes the process along. */
  async closeMember(id: number): Promise<void> {
    if (!this.#members.delete(id)) return;
    if (this.#members.size === 0) await this.close();
    else await this.#worker?.unload(id, this.#options.modelLoadMsMax).catch(() => {});
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#restart?.cancel();
    for (const { instance } of this.#members.values()) instance.shut();
    this.#members.clear();
    this.#wakeLoads();
    await this.#worker?.end(graceMs);
    this.#options.onEmpty();
  }

  /** The process that runs, started when there is none and no back-off. */
  async #running(): Promise<WorkerProcess> {
    while (this.#worker === undefined && this.#restart !== undefined) {
      await new Promise<void>((settle) => this.#onStart.push(settle));
    }
    if (this.#isClosed) throw closedError();
    return this.#worker ?? this.#start();
  }

  #start(): WorkerProcess {
    this.#restart = undefined;
    const worker = this.#options.start((death) => this.#died(worker, death));
    this.#worker = worker;
    this.#wakeLoads();
    return worker;
  }

  #wakeLoads(): void {
    const waiting = this.#onStart;
    this.#onStart = [];
    for (const wake of waiting) wake();
  }

  #refused(error: ServingError): ServingError {
    if (this.#members.size === 0) void this.close();
    if (error.code !== "WORKER_LOST") return error;
    const message = "the model cannot be loaded: no worker stays up to load it";
    return new ServingError("MODEL_LOAD_FAILED", message, { cause: error.cause });
  }

  #died(worker: WorkerProcess, death: Death): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    for (const { instance } of this.#members.values()) instance.change(false);
    if (this.#isClosed || this.#members.size === 0) {
      this.#options.onDeath(death, undefined);
      return;
    }
    this.#deathsInRow += 1;
    const { backoffMsMax, random } = this.#options;
    const delayMs = restartDelayMs(this.#deathsInRow, backoffMsMax, random);
    this.#options.onDeath(death, delayMs);
    if (delayMs === 0) this.#refill();
    else this.#restart = this.#options.clock.after(delayMs, () => this.#refill());
  }

  /** Starts a process and loads every member again. */
  #refill(): void {
    if (this.#isClosed) return;
    const worker = this.#start();
    for (const [id, member] of this.#members) {
      worker.load(id, member.artifact, this.#options.modelLoadMsMax).then(
        () => {
          if (this.#members.has(id) && worker === this.#worker) member.instance.change(true);
        },
        () => this.#retryLoad(worker),
      );
    }
  }

  /** A member did not load again though it once did: the process is replaced, with back-off. */
  #retryLoad(worker: WorkerProcess): void {
    if (worker === this.#worker && !this.#isClosed) worker.kill("exit");
  }
}

/** One loaded version in a slot, as the rest of the server sees it. */
class SlotInstance implements Instance {
  readonly #slot: WorkerSlot;
  readonly #id: number;
  /** A handful: one for each predictor that uses the instance. */
  readonly #listeners: (() => void)[] = [];
  #isReady = false;
  #isShut = false;

  constructor(slot: WorkerSlot, id: number) {
    this.#slot = slot;
    this.#id = id;
  }

  get runsMax(): number {
    return this.#slot.runsMax;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get memoryBytes(): number {
    return this.#slot.worker?.memoryBytes ?? 0;
  }

  async run(batch: Batch): Promise<BatchResult> {
    if (!this.#isReady) throw this.#isShut ? closedError() : notReady();
    const result = await this.#slot.run(this.#id, batch);
    if (this.#isShut) throw closedError();
    this.#slot.noteGoodBatch();
    return result;
  }

  onReadyChange(act: () => void): void {
    this.#listeners.push(act);
  }

  async close(): Promise<void> {
    this.shut();
    await this.#slot.closeMember(this.#id);
  }

  /** No run is accepted any more. */
  shut(): void {
    this.#isShut = true;
    this.change(false);
  }

  change(isReady: boolean): void {
    if (isReady === this.#isReady || (isReady && this.#isShut)) return;
    this.#isReady = isReady;
    for (const act of this.#listeners) act();
  }
}

function notReady(): ServingError {
  return new ServingError("MODEL_NOT_READY", "the worker of this model is restarting");
}

function closedError(): ServingError {
  return new ServingError("MODEL_NOT_READY", "this instance of the model is closed");
}
