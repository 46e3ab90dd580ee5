/**
 * One loaded version in a worker slot, as the rest of the server sees it.
 *
 *   ready <--> lost (its worker died and is being replaced) --> shut
 *
 * Listeners hear each change of `isReady` and each delay of the next try. Once shut it never
 * becomes ready again.
 */
import { ServingError } from "../../base/index.ts";
import type { Batch, BatchResult, Instance, InstanceSeat } from "../engine.ts";

/** What an instance needs of the slot it lives in. */
export interface InstanceHome {
  readonly runsMax: number;
  /** Resident memory of the worker, byte; shared by all versions in it. */
  readonly memoryBytes: number;
  /** The number of the worker that is up, by which other fronts know it; 0 = none is. */
  readonly worker: number;
  /** How often a worker took the place of a dead one. */
  readonly restarts: number;
  /** Ms until it is next tried to load this version; 0 while that is under way. */
  startsInMs(id: number): number;
  run(id: number, batch: Batch): Promise<BatchResult>;
  closeMember(id: number): Promise<void>;
}

export class SlotInstance implements Instance {
  readonly #home: InstanceHome;
  readonly #id: number;
  /** A handful: one for each predictor that uses the instance. */
  readonly #listeners: (() => void)[] = [];
  #isReady = true;
  #isShut = false;
  #problem = "";
  #closed: Promise<void> | undefined;

  constructor(home: InstanceHome, id: number) {
    this.#home = home;
    this.#id = id;
  }

  get runsMax(): number {
    return this.#home.runsMax;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get startsInMs(): number {
    return this.#isReady || this.#isShut ? 0 : this.#home.startsInMs(this.#id);
  }

  get problem(): string {
    return this.#problem;
  }

  get seat(): InstanceSeat {
    return { worker: this.#home.worker, member: this.#id };
  }

  get restarts(): number {
    return this.#home.restarts;
  }

  get memoryBytes(): number {
    return this.#home.memoryBytes;
  }

  async run(batch: Batch): Promise<BatchResult> {
    if (!this.#isReady) throw this.#notReady();
    const result = await this.#home.run(this.#id, batch);
    if (this.#isShut) throw this.#notReady();
    return result;
  }

  onReadyChange(act: () => void): void {
    this.#listeners.push(act);
  }

  close(): Promise<void> {
    this.shut();
    this.#closed ??= this.#home.closeMember(this.#id);
    return this.#closed;
  }

  /** No run is accepted any more. */
  shut(): void {
    this.#isShut = true;
    this.change(false);
  }

  /** The worker that holds it came up or died. */
  change(isReady: boolean): void {
    if (isReady === this.#isReady || (isReady && this.#isShut)) return;
    this.#isReady = isReady;
    if (isReady) this.#problem = "";
    this.tell();
  }

  /** It could not be loaded again; `problem` says why, and the next try is later than they knew. */
  putOff(problem: string): void {
    this.#problem = problem;
    this.tell();
  }

  /** Lets listeners look again: ready, lost, or the next try is later than they knew. */
  tell(): void {
    for (const act of this.#listeners) act();
  }

  #notReady(): ServingError {
    if (this.#isShut) {
      return new ServingError("MODEL_NOT_READY", "this instance of the model is closed");
    }
    const retryAfterS = Math.max(1, Math.ceil(this.startsInMs / 1000));
    return new ServingError("MODEL_NOT_READY", "the worker of this model is being replaced", {
      retryAfterS,
      limit: "workerBackoffMsMax",
    });
  }
}
