/**
 * The batcher: the edge towards the callers.
 *
 * The walk of a request: `predict` admits it (`admit.ts`) into the waiting room and wakes the
 * dispatcher, which sends it in a batch (`plan-batch.ts`) and answers it through the desk. Here are
 * also the ways out that no engine decides: a caller who leaves, a deadline, the end of the
 * version. Decisions are pure functions in files of their own; this file and `dispatcher.ts` hold
 * the clock, the promises and the instances.
 */
import { type Clock, type Limits, ServingError } from "../../base/index.ts";
import type { Instance } from "../../engine/index.ts";
import type { Signature } from "../../model/index.ts";
import type { BatchingObserver } from "../observer.ts";
import type {
  InferenceRequest,
  InferenceResponse,
  Predictor,
  RequestContext,
} from "../predictor.ts";
import type { SuspectNews } from "../suspects/suspects.ts";
import { Suspicion } from "../suspects/suspicion.ts";
import {
  admit,
  awayError,
  deadlineError,
  isTooLongAway,
  refusalError,
  startsInMs,
} from "./admit.ts";
import { compatibilityKeys } from "./compatibility-key.ts";
import { DeadlineWatch } from "./deadline-watch.ts";
import { Desk } from "./desk.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Entry } from "./entry.ts";
import {
  type BatchingRules,
  type EffectiveRules,
  effectiveRules,
  entryOf,
  slicesOf,
} from "./intake.ts";
import { goesAlone, ItemCost, sliceItemsFor } from "./split-request.ts";
import { WaitingRoom } from "./waiting-room.ts";

export type BatchingLimits = Pick<
  Limits,
  "queueItemsMax" | "queueBytesMax" | "batchWallMsMax" | "workerDeathsPerInputMax"
>;

export interface BatchingOptions {
  readonly signature: Signature;
  /** At least one; not closed by the batcher. */
  readonly instances: readonly Instance[];
  readonly rules: BatchingRules;
  readonly limits: BatchingLimits;
  readonly clock: Clock;
  readonly observer: BatchingObserver;
  /** Told of inputs that kill workers, for other fronts of the same workers. */
  readonly onSuspect?: ((news: SuspectNews) => void) | undefined;
}

export interface BatchingPredictor extends Predictor {
  /**
   * Settles when nothing waits and nothing is under way, or all was answered by `close`; refuses
   * nothing by itself.
   */
  drain(): Promise<void>;
  /** Another front has found something of an input that kills workers. */
  learnSuspect(news: SuspectNews): void;
  /** Answers all that is left with `code`, and all that comes later. Safe to call twice. */
  close(code: "DRAINING" | "MODEL_NOT_READY"): void;
}

/**
 * A predictor that runs compatible requests together on the given instances.
 *
 * Its `predict` throws QUEUE_FULL, DEADLINE_EXCEEDED, CANCELLED, INPUT_QUARANTINED,
 * INPUT_REJECTED_BY_MODEL, MODEL_OUTPUT_INVALID, MEMORY_EXHAUSTED, WORKER_LOST, ENGINE_TIMEOUT,
 * MODEL_NOT_READY and DRAINING.
 */
export function createBatchingPredictor(options: BatchingOptions): BatchingPredictor {
  return new Batcher(options);
}

class Batcher implements BatchingPredictor {
  readonly signature: Signature;
  readonly #clock: Clock;
  readonly #observer: BatchingObserver;
  readonly #instances: readonly Instance[];
  readonly #rules: EffectiveRules;
  readonly #keyOf: (request: InferenceRequest) => string;
  readonly #cost = new ItemCost();
  readonly #room: WaitingRoom;
  readonly #desk: Desk;
  readonly #suspicion: Suspicion;
  readonly #dispatcher: Dispatcher;
  readonly #watch: DeadlineWatch;
  /** Callers of `drain`; a handful. */
  #drains: (() => void)[] = [];
  #order = 0;
  #closedBy: ServingError | undefined;

  constructor(options: BatchingOptions) {
    const { signature, limits, clock, observer } = options;
    this.signature = signature;
    this.#clock = clock;
    this.#observer = observer;
    this.#instances = options.instances;
    this.#rules = effectiveRules(options.rules, signature.layout);
    this.#keyOf = compatibilityKeys(signature);
    this.#room = new WaitingRoom(limits.queueItemsMax, limits.queueBytesMax);
    this.#desk = new Desk(this.#room, observer);
    this.#suspicion = new Suspicion({
      deathsMax: limits.workerDeathsPerInputMax,
      room: this.#room,
      desk: this.#desk,
      observer,
      onSuspect: options.onSuspect,
    });
    this.#dispatcher = new Dispatcher({
      signature,
      clock,
      observer,
      instances: options.instances,
      rules: this.#rules,
      batchWallMsMax: limits.batchWallMsMax,
      cost: this.#cost,
      room: this.#room,
      desk: this.#desk,
      suspicion: this.#suspicion,
      changed: () => this.#changed(),
    });
    this.#watch = new DeadlineWatch(clock, (nowMs) => this.#expire(nowMs));
  }

  predict(request: InferenceRequest, context: RequestContext): Promise<InferenceResponse> {
    const nowMs = this.#clock.nowMs();
    const entry = entryOf(request, context, nowMs);
    if (this.signature.layout.kind === "none") entry.items = 1;
    const refusal = this.#refusal(entry, nowMs);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
      this.#enter(entry, nowMs);
    });
  }

  learnSuspect(news: SuspectNews): void {
    this.#suspicion.learn(news);
    this.#dispatcher.wake();
  }

  drain(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drains.push(resolve);
    });
  }

  close(code: "DRAINING" | "MODEL_NOT_READY"): void {
    if (this.#closedBy !== undefined) return;
    const isDraining = code === "DRAINING";
    const message = isDraining ? "the server is stopping" : "this version is being unloaded";
    const error = new ServingError(code, message);
    this.#closedBy = error;
    for (const entry of this.#living()) this.#desk.fail(entry, error);
    this.#watch.close();
    this.#dispatcher.close();
    this.#changed();
  }

  #refusal(entry: Entry, nowMs: number): ServingError | undefined {
    if (this.#closedBy !== undefined) return this.#closedBy;
    if (entry.context.cancellation.reason !== undefined) return entry.context.cancellation.reason;
    const refusal = admit(entry, this.#room, nowMs);
    if (refusal !== undefined) {
      if (refusal === "deadline") this.#observer.endedEarly("expired", 1, false);
      else this.#observer.limitHit(refusal);
      return refusalError(refusal, entry, this.#room);
    }
    const waitMs = startsInMs(this.#instances);
    if (isTooLongAway(waitMs, entry.deadlineAtMs, nowMs)) {
      this.#observer.limitHit("workerBackoffMsMax");
      return awayError(waitMs);
    }
    return this.#suspicion.screen(entry);
  }

  #enter(entry: Entry, nowMs: number): void {
    entry.key = this.#keyOf(entry.request);
    const first = entry.items > this.#rules.itemsMax ? this.#queueSlices(entry) : entry;
    if (first === entry) this.#queue(entry);
    entry.context.cancellation.onCancel((reason) => {
      this.#desk.leave(first, reason);
      this.#changed();
    });
    this.#watch.note(entry.deadlineAtMs, nowMs);
    this.#dispatcher.wake();
  }

  /** Queues a large request in slices, if it takes more than one; gives the first entry. */
  #queueSlices(entry: Entry): Entry {
    const ask = { itemBytes: entry.bytes / entry.items, itemMs: this.#cost.itemMs };
    const sliceItems = sliceItemsFor(ask, this.#rules);
    if (entry.items <= sliceItems) return entry;
    const { entries } = slicesOf(entry, sliceItems);
    for (const slice of entries) this.#queue(slice);
    return entries[0] ?? entry;
  }

  #queue(entry: Entry): void {
    entry.order = this.#order;
    this.#order += 1;
    entry.isAlone = goesAlone(entry, this.#cost.itemMs);
    this.#room.add(entry);
  }

  /** Answers what is due, waiting or under way; gives the earliest deadline left. */
  #expire(nowMs: number): number {
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#living()) {
      if (entry.deadlineAtMs <= nowMs) this.#desk.leave(entry, deadlineError());
      else nextAtMs = Math.min(nextAtMs, entry.deadlineAtMs);
    }
    this.#changed();
    return nextAtMs;
  }

  /** All that is not answered. At most what waits and what is under way. */
  #living(): Entry[] {
    const living: Entry[] = [];
    const add = (entry: Entry) => living.push(entry);
    this.#room.each(add);
    this.#dispatcher.each(add);
    return living;
  }

  #isEmpty(): boolean {
    const isOwedNothing = this.#closedBy !== undefined || this.#dispatcher.isIdle;
    return this.#room.items === 0 && isOwedNothing;
  }

  #changed(): void {
    this.#observer.queueChanged(this.#room.items, this.#room.bytes);
    if (this.#drains.length === 0 || !this.#isEmpty()) return;
    const drains = this.#drains;
    this.#drains = [];
    for (const resolve of drains) resolve();
  }
}
