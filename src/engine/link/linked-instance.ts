/**
 * One loaded version in a worker that the primary front keeps, as another front sees it.
 *
 * The primary tells its state; the batches go straight to the worker. So it is ready when the
 * primary says so and the line to the worker that holds it is open. It is never closed from here:
 * the primary loads and unloads.
 */
import { type Clock, ServingError } from "../../base/index.ts";
import type { Batch, BatchResult, Instance, InstanceSeat } from "../engine.ts";
import type { WorkerLink } from "./worker-link.ts";

/** What the primary tells of an instance, each time something of it changes. */
export interface InstanceState {
  readonly isReady: boolean;
  readonly seat: InstanceSeat;
  readonly runsMax: number;
  readonly startsInMs: number;
  readonly problem: string;
  readonly restarts: number;
}

export interface LinkedInstanceOptions {
  readonly clock: Clock;
  /** The open line to a worker. */
  linkOf(worker: number): WorkerLink | undefined;
  /** It is used no more. */
  onClose(): void;
}

export class LinkedInstance implements Instance {
  readonly #options: LinkedInstanceOptions;
  /** A handful: one for each predictor that uses the instance. */
  readonly #listeners: (() => void)[] = [];
  #state: InstanceState;
  #startsAtMs: number;
  #isClosed = false;

  constructor(state: InstanceState, options: LinkedInstanceOptions) {
    this.#state = state;
    this.#options = options;
    this.#startsAtMs = options.clock.nowMs() + state.startsInMs;
  }

  get runsMax(): number {
    return this.#state.runsMax;
  }

  get isReady(): boolean {
    const { isReady, seat } = this.#state;
    return isReady && !this.#isClosed && this.#options.linkOf(seat.worker) !== undefined;
  }

  get startsInMs(): number {
    if (this.#state.isReady || this.#isClosed) return 0;
    return Math.max(0, this.#startsAtMs - this.#options.clock.nowMs());
  }

  get problem(): string {
    return this.#state.problem;
  }

  get restarts(): number {
    return this.#state.restarts;
  }

  /** The primary counts it. */
  get memoryBytes(): number {
    return 0;
  }

  /** The primary holds it ready, and the line to its worker is not open yet. */
  get isAwaited(): boolean {
    return this.#state.isReady && !this.isReady;
  }

  /** The number of its worker. */
  get worker(): number {
    return this.#state.seat.worker;
  }

  async run(batch: Batch): Promise<BatchResult> {
    const { isReady, seat } = this.#state;
    const link = isReady && !this.#isClosed ? this.#options.linkOf(seat.worker) : undefined;
    if (link === undefined) throw this.#notReady();
    return await link.run(seat.member, batch);
  }

  onReadyChange(act: () => void): void {
    this.#listeners.push(act);
  }

  /** This front sends it nothing more; the version stays loaded. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.tell();
    this.#options.onClose();
  }

  /** The primary tells something new. */
  update(state: InstanceState): void {
    this.#state = state;
    this.#startsAtMs = this.#options.clock.nowMs() + state.startsInMs;
    this.tell();
  }

  /** Lets listeners look again. */
  tell(): void {
    for (const act of this.#listeners) act();
  }

  #notReady(): ServingError {
    if (this.#isClosed) {
      return new ServingError("MODEL_NOT_READY", "this instance of the model is closed");
    }
    const retryAfterS = Math.max(1, Math.ceil(this.startsInMs / 1000));
    return new ServingError("MODEL_NOT_READY", "the worker of this model is being replaced", {
      retryAfterS,
      limit: "workerBackoffMsMax",
    });
  }
}
