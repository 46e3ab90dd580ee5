/**
 * A place for one worker that is always filled: when the process dies, a new one takes its place
 * and loads what the old one held.
 *
 *   empty --load--> up --death--> down --at once, or after the back-off--> up      any --> closed
 *
 * A load that fails the first time is the caller's to know and is not tried again; one that was
 * lost because a neighbour took the process along is. A version that cannot be loaded again after a
 * death is tried again alone, with a back-off of its own; its neighbours are loaded and serve. One
 * whose loads end the process that it shares is kept out of it after two of them and tried in
 * processes that are thrown away; when it stands there it comes back.
 * Invariant: an instance is ready only while the process that holds it lives.
 */
import { type Clock, type Random, ServingError, type Timer } from "../../base/index.ts";
import type { ArtifactSpec, Batch, BatchResult, Instance } from "../engine.ts";
import { OutsideKill } from "../outside-kill.ts";
import type { Death } from "./death.ts";
import { isKeptOut, reloadDeathsMax, restartDelayMs } from "./restart-policy.ts";
import { type InstanceHome, SlotInstance } from "./slot-instance.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface WorkerSlotOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly runsMax: number;
  readonly modelLoadMsMax: number;
  readonly backoffMsMax: number;
  /** Time between the polite end of a process and the forced one, ms. */
  readonly graceMs: () => number;
  /** Gives a process that holds nothing; throws when the system refuses. */
  readonly start: (onDeath: (death: Death) => void) => WorkerProcess;
  /** Loads an artifact into a process that is thrown away; gives the refusal. Never rejects. */
  readonly tryOut: (artifact: ArtifactSpec) => Promise<ServingError | undefined>;
  /** A process died; the next starts after `delayMs`, or never when `undefined`. */
  readonly onDeath: (death: Death, delayMs: number | undefined, worker: number) => void;
  /** A version that had worked could not be loaded; it is tried again after `retryMs`. */
  readonly onReloadFailed: (path: string, error: ServingError, retryMs: number) => void;
  /** The slot is closed and its process gone. */
  readonly onEmpty: () => void;
}

/** How often a load is tried that others took down. */
const loadAttemptsMax = 5;

interface Member {
  readonly artifact: ArtifactSpec;
  readonly instance: SlotInstance;
  /** Loads into new processes that failed, in a row. */
  failures: number;
  /** Those in a row that ended the process. */
  reloadDeaths: number;
  /** It is loaded into a process that is thrown away, just now. */
  isTried: boolean;
  /** Not loaded before this instant. */
  retryAtMs: number;
  retry: Timer | undefined;
}

export class WorkerSlot implements InstanceHome {
  readonly #options: WorkerSlotOptions;
  /** One for each loaded version in this worker; the registry holds how many share it. */
  readonly #members = new Map<number, Member>();
  #worker: WorkerProcess | undefined;
  #nextMember = 1;
  #loading = 0;
  #deathsInRow = 0;
  #restarts = 0;
  #restart: Timer | undefined;
  #restartAtMs = 0;
  /** Loads that wait for the end of a back-off; at most one for each load under way. */
  #waiting: (() => void)[] = [];
  #closed: Promise<void> | undefined;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
  }

  /** A closed slot takes no load any more. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  get runsMax(): number {
    return this.#options.runsMax;
  }

  get memoryBytes(): number {
    return this.#worker?.memoryBytes ?? 0;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get worker(): number {
    return this.#worker?.serial ?? 0;
  }

  /** Ms until the version `id` is next tried to be loaded; 0 while that is under way. */
  startsInMs(id: number): number {
    const restartAtMs = this.#restart === undefined ? 0 : this.#restartAtMs;
    const retryAtMs = this.#members.get(id)?.retryAtMs ?? 0;
    return Math.max(0, Math.max(restartAtMs, retryAtMs) - this.#options.clock.nowMs());
  }

  /** Throws MODEL_LOAD_FAILED, or MODEL_NOT_READY when the slot is closed meanwhile. */
  async load(artifact: ArtifactSpec): Promise<Instance> {
    this.#loading += 1;
    try {
      const id = await this.#loaded(artifact);
      const instance = new SlotInstance(this, id);
      const fresh = { failures: 0, reloadDeaths: 0, isTried: false, retryAtMs: 0 };
      this.#members.set(id, { artifact, instance, ...fresh, retry: undefined });
      return instance;
    } finally {
      this.#loading -= 1;
      if (this.#members.size === 0 && this.#loading === 0) void this.close();
    }
  }

  /** Runs a batch on the member `id`. REQUIRES: it is ready. */
  async run(id: number, batch: Batch): Promise<BatchResult> {
    if (this.#worker === undefined) throw new ServingError("WORKER_LOST", "the worker is gone");
    const result = await this.#worker.run(id, batch);
    // Whatever killed workers before, this one works.
    this.#deathsInRow = 0;
    return result;
  }

  /** Forgets a member and gives its memory back; the last one takes the process along. */
  async closeMember(id: number): Promise<void> {
    this.#members.get(id)?.retry?.cancel();
    if (!this.#members.delete(id)) return;
    if (this.#members.size === 0 && this.#loading === 0) await this.close();
    else await this.#worker?.unload(id, this.#options.modelLoadMsMax).catch(() => {});
  }

  /** Ends the process and every instance in it. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#restart?.cancel();
    this.#restart = undefined;
    for (const { instance, retry } of this.#members.values()) {
      retry?.cancel();
      instance.shut();
    }
    this.#members.clear();
    this.#wake();
    await this.#worker?.end(this.#options.graceMs());
    this.#options.onEmpty();
  }

  /** Loads into whatever process is up; gives the member's number. */
  async #loaded(artifact: ArtifactSpec): Promise<number> {
    const id = this.#nextMember;
    this.#nextMember += 1;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const worker = await this.#running();
        await worker.load(id, artifact, this.#options.modelLoadMsMax);
        return id;
      } catch (thrown) {
        const error = ServingError.from(thrown);
        if (this.isClosed) throw closedError();
        if (error.code === "MODEL_LOAD_FAILED") throw error;
        if (error.code === "WORKER_LOST" && attempt < loadAttemptsMax) continue;
        const message = "the model cannot be loaded: no worker stays up to load it";
        throw new ServingError("MODEL_LOAD_FAILED", message, { cause: error.cause ?? error });
      }
    }
  }

  /** The process that is up; started when there is none, after the back-off if there is one. */
  async #running(): Promise<WorkerProcess> {
    while (this.#worker === undefined && this.#restart !== undefined) {
      await new Promise<void>((settle) => this.#waiting.push(settle));
    }
    if (this.isClosed) throw closedError();
    return this.#worker ?? this.#start();
  }

  #start(): WorkerProcess {
    const worker = this.#options.start((death) => this.#died(worker, death));
    this.#worker = worker;
    return worker;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #died(worker: WorkerProcess, death: Death): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    for (const { instance } of this.#members.values()) instance.change(false);
    this.#replace(death, worker.serial);
  }

  #replace(death: Death, worker = 0): void {
    if (this.isClosed || this.#members.size === 0) {
      this.#options.onDeath(death, undefined, worker);
      return;
    }
    this.#deathsInRow += 1;
    const { backoffMsMax, clock, random } = this.#options;
    const delayMs = restartDelayMs(this.#deathsInRow, backoffMsMax, random);
    this.#options.onDeath(death, delayMs, worker);
    // Never in this turn: the loads that the death has failed are told of it first.
    this.#restartAtMs = clock.nowMs() + delayMs;
    this.#restart = clock.after(delayMs, () => this.#refill());
    for (const { instance } of this.#members.values()) instance.tell();
  }

  /** Starts a process and loads every member again. */
  #refill(): void {
    this.#restart = undefined;
    if (this.isClosed) return;
    try {
      this.#start();
      this.#restarts += 1;
      for (const [id, member] of this.#members) this.#bringUp(id, member);
    } catch (thrown) {
      this.#replace({ kind: "start", words: String(thrown) });
    }
    this.#wake();
  }

  /** Loads a member into the process that is up, if one is, once its own back-off is over. */
  #bringUp(id: number, member: Member): void {
    const { clock } = this.#options;
    member.retry?.cancel();
    const waitMs = member.retryAtMs - clock.nowMs();
    member.retry = waitMs > 0 ? clock.after(waitMs, () => this.#bringUp(id, member)) : undefined;
    const worker = this.#worker;
    if (waitMs > 0) return;
    if (isKeptOut(member.reloadDeaths, this.#members.size > 1)) void this.#tryApart(id, member);
    else if (worker !== undefined) void this.#reload(worker, id, member);
  }

  /** Finds out elsewhere whether a member that was kept out could come back. */
  async #tryApart(id: number, member: Member): Promise<void> {
    if (member.isTried) return;
    member.isTried = true;
    const refusal = await this.#options.tryOut(member.artifact);
    member.isTried = false;
    if (!this.#members.has(id)) return;
    if (refusal !== undefined) {
      this.#putOff(id, member, refusal);
      return;
    }
    // It is let in once; if that ends the process it is out again.
    member.reloadDeaths = reloadDeathsMax - 1;
    this.#bringUp(id, member);
  }

  async #reload(worker: WorkerProcess, id: number, member: Member): Promise<void> {
    try {
      await worker.load(id, member.artifact, this.#options.modelLoadMsMax);
    } catch (thrown) {
      if (this.#members.has(id)) this.#reloadFailed(worker, id, ServingError.from(thrown));
      return;
    }
    if (!this.#members.has(id) || worker !== this.#worker) return;
    member.failures = 0;
    member.reloadDeaths = 0;
    member.retryAtMs = 0;
    member.instance.change(true);
  }

  #reloadFailed(worker: WorkerProcess, id: number, error: ServingError): void {
    const member = this.#members.get(id);
    const isUp = worker === this.#worker;
    const isItsFault = error.code === "MODEL_LOAD_FAILED" && !(error.cause instanceof OutsideKill);
    // A process that ended for another reason is replaced, and this member loaded with the rest.
    if (member === undefined || (!isUp && !isItsFault)) return;
    if (!isUp) member.reloadDeaths += 1;
    this.#putOff(id, member, error);
  }

  /** The next try is later than the last. */
  #putOff(id: number, member: Member, error: ServingError): void {
    const { backoffMsMax, clock, random, onReloadFailed } = this.#options;
    member.failures += 1;
    const retryMs = restartDelayMs(member.failures + 1, backoffMsMax, random);
    member.retryAtMs = clock.nowMs() + retryMs;
    onReloadFailed(member.artifact.path, error, retryMs);
    this.#bringUp(id, member);
    member.instance.putOff(error.message);
  }
}

function closedError(): ServingError {
  return new ServingError("MODEL_NOT_READY", "this instance of the model is closed");
}
