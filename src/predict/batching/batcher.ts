/**
 * The edge of the batcher: takes requests, acts on the plans, hears from the engine.
 *
 * What it decides lies in pure functions beside it (`admit`, `plan-batch`, `split-request`,
 * `retry-plan`, `suspects`); here are the clock, the instances and the promises. The walk of a
 * request: `predict` admits it into the waiting room and asks for a look once the input of this turn
 * has been read; `#pump` sends what the plan says; `#finish` frees the place, sends the next batch so
 * that the worker is never idle, then answers all requests of the batch in one turn.
 * Invariants: a request is answered once (`settle.ts`); nothing is sent after its deadline; the
 * counts of what waits return to 0.
 */
import { type Clock, type Limits, ServingError, type Timer } from "../../base/index.ts";
import type { Batch, BatchResult, Instance } from "../../engine/index.ts";
import type { Signature } from "../../model/index.ts";
import type { BatchingObserver } from "../observer.ts";
import type {
  InferenceRequest,
  InferenceResponse,
  Predictor,
  RequestContext,
} from "../predictor.ts";
import { Suspicion } from "../suspects/suspicion.ts";
import { admit, deadlineError, refusalError } from "./admit.ts";
import { compatibilityKeys } from "./compatibility-key.ts";
import { DeadlineWatch } from "./deadline-watch.ts";
import type { Entry } from "./entry.ts";
import {
  type BatchingRules,
  type EffectiveRules,
  effectiveRules,
  entryOf,
  slicesOf,
} from "./intake.ts";
import { planBatch } from "./plan-batch.ts";
import { splitRejected } from "./retry-plan.ts";
import { batchOf, Run, Slot } from "./run.ts";
import { answer, fail, isSettled } from "./settle.ts";
import { outputFault, shareOf } from "./share-outputs.ts";
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
}

export interface BatchingPredictor extends Predictor {
  /** Settles when nothing waits and nothing is under way; refuses nothing by itself. */
  drain(): Promise<void>;
  /** Answers all that is left with `code`, and all that comes later. Safe to call twice. */
  close(code: "DRAINING" | "MODEL_NOT_READY"): void;
}

/**
 * A predictor that runs compatible requests together on the given instances.
 *
 * Its `predict` throws QUEUE_FULL, DEADLINE_EXCEEDED, CANCELLED, INPUT_QUARANTINED,
 * INPUT_REJECTED_BY_MODEL, MODEL_OUTPUT_INVALID, WORKER_LOST, ENGINE_TIMEOUT, MODEL_NOT_READY and
 * DRAINING.
 */
export function createBatchingPredictor(options: BatchingOptions): BatchingPredictor {
  return new Batcher(options);
}

class Batcher implements BatchingPredictor {
  readonly signature: Signature;
  readonly #clock: Clock;
  readonly #observer: BatchingObserver;
  readonly #rules: EffectiveRules;
  readonly #wallMsMax: number;
  readonly #keyOf: (request: InferenceRequest) => string;
  readonly #room: WaitingRoom;
  /** One an instance. */
  readonly #slots: readonly Slot[];
  readonly #suspicion: Suspicion;
  readonly #watch: DeadlineWatch;
  readonly #pumpSoon = (): void => this.#pump();
  /** Callers of `drain`; a handful. */
  #drains: (() => void)[] = [];
  #order = 0;
  #isPumpDue = false;
  #delay: { readonly untilMs: number; readonly timer: Timer } | undefined;
  #closedBy: ServingError | undefined;

  constructor(options: BatchingOptions) {
    const { signature, limits, clock } = options;
    this.signature = signature;
    this.#clock = clock;
    this.#observer = options.observer;
    this.#rules = effectiveRules(options.rules, signature.layout);
    this.#wallMsMax = limits.batchWallMsMax;
    this.#keyOf = compatibilityKeys(signature);
    this.#room = new WaitingRoom(limits.queueItemsMax, limits.queueBytesMax);
    this.#slots = options.instances.map((instance) => new Slot(instance));
    this.#suspicion = new Suspicion(limits.workerDeathsPerInputMax, this.#room, this.#observer);
    this.#watch = new DeadlineWatch(clock, (nowMs) => this.#expire(nowMs));
    for (const instance of options.instances) instance.onReadyChange(() => this.#wake());
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
    for (const entry of this.#living()) fail(entry, error, this.#room);
    this.#watch.close();
    this.#delay?.timer.cancel();
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
    return this.#suspicion.screen(entry);
  }

  #enter(entry: Entry, nowMs: number): void {
    entry.key = this.#keyOf(entry.request);
    const { sliceItemsMax } = this.#rules;
    const entries =
      entry.items > sliceItemsMax ? slicesOf(entry, sliceItemsMax).entries : undefined;
    if (entries === undefined) this.#queue(entry);
    else for (const slice of entries) this.#queue(slice);
    const first = entries?.[0] ?? entry;
    entry.context.cancellation.onCancel((reason) => this.#leave(first, reason));
    this.#watch.note(entry.deadlineAtMs, nowMs);
    this.#wake();
  }

  #queue(entry: Entry): void {
    entry.order = this.#order;
    this.#order += 1;
    this.#room.add(entry);
  }

  #wake(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.#clock.soon(this.#pumpSoon);
  }

  /** Sends all that may go now. */
  #pump(): void {
    this.#isPumpDue = false;
    const nowMs = this.#clock.nowMs();
    const room = this.#room;
    for (;;) {
      const { lanes, retries, suspect } = room;
      const snapshot = { slots: this.#slots, lanes, retries, suspect };
      const plan = planBatch(snapshot, this.#rules, nowMs);
      if (plan.kind === "nothing") break;
      if (plan.kind === "wait") {
        this.#wakeAt(plan.untilMs, nowMs);
        break;
      }
      const entries = room.take(plan.from, this.#rules.itemsMax);
      this.#send(this.#inTime(entries, nowMs), plan.slot, nowMs);
    }
    this.#changed();
  }

  #wakeAt(untilMs: number, nowMs: number): void {
    if (this.#delay?.untilMs === untilMs) return;
    this.#delay?.timer.cancel();
    const timer = this.#clock.after(untilMs - nowMs, () => {
      this.#delay = undefined;
      this.#pump();
    });
    this.#delay = { untilMs, timer };
  }

  /** Those of `entries` that may still be sent; the others are answered. */
  #inTime(entries: readonly Entry[], nowMs: number): readonly Entry[] {
    const late = entries.filter((entry) => entry.deadlineAtMs <= nowMs);
    if (late.length === 0) return entries;
    for (const entry of late) this.#leave(entry, deadlineError());
    return entries.filter((entry) => !isSettled(entry));
  }

  #send(entries: readonly Entry[], slot: Slot, nowMs: number): void {
    if (entries.length === 0) return;
    const run = new Run(entries, slot, nowMs);
    if (run.suspect !== undefined) run.suspect.isRunning = true;
    for (const entry of entries) entry.context.times.sentAtMs = nowMs;
    slot.enter(run);
    this.#observer.batchSent(run.items, entries.length);
    const form = { itemsFixed: this.#rules.itemsFixed, wallMsMax: this.#wallMsMax };
    startRun(slot, batchOf(run, form)).then(
      (result) => this.#finish(run, result),
      (thrown) => this.#fail(run, ServingError.from(thrown)),
    );
  }

  #finish(run: Run, result: BatchResult): void {
    const items = this.#rules.itemsFixed ?? run.items;
    const wanted = run.entries[0]?.request.outputs;
    const fault = outputFault(result.outputs, { wanted, items }, this.signature);
    if (fault !== undefined) {
      this.#fail(run, fault);
      return;
    }
    const nowMs = this.#end(run, result.runMs);
    this.#suspicion.absolve(run);
    this.#pump();
    const isAll = run.entries.length === 1 && items === run.items;
    let from = 0;
    for (const entry of run.entries) {
      if (!isSettled(entry)) {
        noteTimes(entry, run, nowMs, result.runMs);
        answer(entry, isAll ? result.outputs : shareOf(result.outputs, from, entry), this.#room);
      }
      from += entry.items;
    }
    this.#changed();
  }

  #fail(run: Run, error: ServingError): void {
    this.#end(run, undefined);
    switch (error.code) {
      case "INPUT_REJECTED_BY_MODEL":
        this.#reject(run, error);
        break;
      case "WORKER_LOST":
      case "ENGINE_TIMEOUT":
        this.#suspicion.accuse(run);
        for (const entry of run.entries) fail(entry, error, this.#room);
        break;
      case "MODEL_NOT_READY":
        for (const entry of run.entries) this.#putBack(entry, error);
        break;
      default:
        for (const entry of run.entries) fail(entry, error, this.#room);
    }
    this.#pump();
  }

  /** The batch is back: its place is free. Gives the time. */
  #end(run: Run, runMs: number | undefined): number {
    const nowMs = this.#clock.nowMs();
    run.slot.leave(run);
    if (run.suspect !== undefined) run.suspect.isRunning = false;
    this.#observer.batchDone({
      items: run.items,
      requests: run.entries.length,
      runMs: runMs ?? 0,
      roundTripMs: nowMs - run.sentAtMs,
      queueMsMax: run.sentAtMs - run.oldestAtMs,
      isSuccess: runMs !== undefined,
    });
    return nowMs;
  }

  /** One of the requests is at fault: the only one is answered, several are tried in parts. */
  #reject(run: Run, error: ServingError): void {
    if (run.entries.length === 1) this.#suspicion.absolve(run);
    const left = run.entries.filter((entry) => !isSettled(entry));
    if (run.entries.length === 1) {
      for (const entry of left) fail(entry, error, this.#room);
      return;
    }
    if (left.length > 0) this.#observer.batchRetried(left.length);
    for (const part of splitRejected(left)) this.#room.addRetry(part);
  }

  /** The instance took no run after all: the request waits again, once. */
  #putBack(entry: Entry, error: ServingError): void {
    if (isSettled(entry)) return;
    if (entry.wasPutBack) {
      fail(entry, error, this.#room);
      return;
    }
    entry.wasPutBack = true;
    this.#room.add(entry);
  }

  #leave(entry: Entry, reason: ServingError): void {
    const wasRunning = entry.state === "sent";
    if (!fail(entry, reason, this.#room)) return;
    const end = reason.code === "DEADLINE_EXCEEDED" ? "expired" : "cancelled";
    this.#observer.endedEarly(end, 1, wasRunning);
    this.#changed();
  }

  /** Answers what is due, waiting or under way; gives the earliest deadline left. */
  #expire(nowMs: number): number {
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#living()) {
      if (entry.deadlineAtMs <= nowMs) this.#leave(entry, deadlineError());
      else nextAtMs = Math.min(nextAtMs, entry.deadlineAtMs);
    }
    return nextAtMs;
  }

  /** All that is not answered. At most what waits and what is under way. */
  #living(): Entry[] {
    const living: Entry[] = [];
    this.#room.each((entry) => living.push(entry));
    for (const slot of this.#slots) {
      for (const run of slot.runs) {
        for (const entry of run.entries) if (!isSettled(entry)) living.push(entry);
      }
    }
    return living;
  }

  #isEmpty(): boolean {
    return this.#room.items === 0 && this.#slots.every((slot) => slot.inFlight === 0);
  }

  #changed(): void {
    this.#observer.queueChanged(this.#room.items, this.#room.bytes);
    if (this.#drains.length === 0 || !this.#isEmpty()) return;
    const drains = this.#drains;
    this.#drains = [];
    for (const resolve of drains) resolve();
  }
}

/** Starts a run; what an instance throws at once is treated like what it throws later. */
async function startRun(slot: Slot, batch: Batch): Promise<BatchResult> {
  return await slot.instance.run(batch);
}

function noteTimes(entry: Entry, run: Run, nowMs: number, runMs: number): void {
  const { times } = entry.context;
  times.answeredAtMs = nowMs;
  times.batchItems = Math.max(times.batchItems, run.items);
  if (entry.whole === undefined) {
    times.runMs = runMs;
  } else {
    entry.whole.runMs += runMs;
    times.runMs = entry.whole.runMs;
  }
}
