/**
 * The edge of the batcher towards the engine: sends what the plan says, hears what comes back.
 *
 * When a batch comes back its place is freed and the next batch sent before the answers are given,
 * so that the worker is never idle; then all requests of the batch are answered in one turn, so
 * that the door writes them together. Invariants: nothing is sent after its deadline; a place is
 * freed exactly once, whatever the outcome.
 */
import { type Clock, ServingError, type Timer } from "../../base/index.ts";
import type { Batch, BatchResult, Instance } from "../../engine/index.ts";
import type { Signature } from "../../model/index.ts";
import type { BatchingObserver } from "../observer.ts";
import type { Suspicion } from "../suspects/suspicion.ts";
import { awayError, deadlineError, isTooLongAway, startsInMs } from "./admit.ts";
import type { Desk } from "./desk.ts";
import { type Entry, isSettled } from "./entry.ts";
import type { EffectiveRules } from "./intake.ts";
import { planBatch } from "./plan-batch.ts";
import { splitRejected } from "./retry-plan.ts";
import { batchOf, Run, Slot } from "./run.ts";
import { markAnswer, outputFault, sharesOf } from "./share-outputs.ts";
import type { ItemCost } from "./split-request.ts";
import type { WaitingRoom } from "./waiting-room.ts";

export interface DispatcherOptions {
  readonly signature: Signature;
  readonly instances: readonly Instance[];
  readonly rules: EffectiveRules;
  readonly batchWallMsMax: number;
  readonly clock: Clock;
  readonly observer: BatchingObserver;
  readonly cost: ItemCost;
  readonly room: WaitingRoom;
  readonly desk: Desk;
  readonly suspicion: Suspicion;
  /** Called when what waits or is under way has changed. */
  readonly changed: () => void;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** One an instance. */
  readonly #slots: readonly Slot[];
  readonly #pumpSoon = (): void => this.#pump();
  #isPumpDue = false;
  #delay: { readonly untilMs: number; readonly timer: Timer } | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#slots = options.instances.map((instance) => new Slot(instance));
    for (const instance of options.instances) instance.onReadyChange(() => this.wake());
  }

  get isIdle(): boolean {
    return this.#slots.every((slot) => slot.inFlight === 0);
  }

  /** Sends what may go, after the input of this turn has been read. */
  wake(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.#options.clock.soon(this.#pumpSoon);
  }

  /** Calls `act` for each entry under way that is not answered. */
  each(act: (entry: Entry) => void): void {
    for (const slot of this.#slots) {
      for (const run of slot.runs) {
        for (const entry of run.entries) if (!isSettled(entry)) act(entry);
      }
    }
  }

  close(): void {
    this.#delay?.timer.cancel();
    this.#delay = undefined;
  }

  #pump(): void {
    this.#isPumpDue = false;
    this.#refuseWaiting();
    this.#sendAll();
    this.#options.changed();
  }

  /** While no instance starts soon enough, those who wait are told so. */
  #refuseWaiting(): void {
    const { clock, room, desk, observer, instances } = this.#options;
    const waitMs = startsInMs(instances);
    if (waitMs === 0) return;
    const nowMs = clock.nowMs();
    /** At most what waits. */
    const refused: Entry[] = [];
    room.each((entry) => {
      if (isTooLongAway(waitMs, entry.deadlineAtMs, nowMs)) refused.push(entry);
    });
    for (const entry of refused) {
      if (desk.fail(entry, awayError(waitMs))) observer.limitHit("workerBackoffMsMax");
    }
  }

  #sendAll(): void {
    const { clock, room, rules } = this.#options;
    const nowMs = clock.nowMs();
    for (;;) {
      const { lanes, retries, suspect } = room;
      const snapshot = { slots: this.#slots, lanes, retries, suspect };
      const plan = planBatch(snapshot, rules, nowMs);
      if (plan.kind === "nothing") break;
      if (plan.kind === "wait") {
        this.#wakeAt(plan.untilMs, nowMs);
        break;
      }
      const entries = this.#inTime(room.take(plan.from, rules.itemsMax), nowMs);
      if (entries.length > 0) this.#send(entries, plan.slot, nowMs);
    }
  }

  #wakeAt(untilMs: number, nowMs: number): void {
    if (this.#delay?.untilMs === untilMs) return;
    this.#delay?.timer.cancel();
    const timer = this.#options.clock.after(untilMs - nowMs, () => {
      this.#delay = undefined;
      this.#pump();
    });
    this.#delay = { untilMs, timer };
  }

  /** Those of `entries` that may still be sent; the late ones are answered. */
  #inTime(entries: readonly Entry[], nowMs: number): readonly Entry[] {
    const late = entries.filter((entry) => entry.deadlineAtMs <= nowMs);
    if (late.length === 0) return entries;
    for (const entry of late) this.#options.desk.leave(entry, deadlineError());
    return entries.filter((entry) => !isSettled(entry));
  }

  #send(entries: readonly Entry[], slot: Slot, nowMs: number): void {
    const { observer, rules, batchWallMsMax } = this.#options;
    const run = new Run(entries, slot, nowMs);
    if (run.suspect !== undefined) run.suspect.isRunning = true;
    for (const entry of entries) entry.context.times.sentAtMs = nowMs;
    slot.enter(run);
    observer.batchSent(run.items, entries.length);
    const form = { itemsFixed: rules.itemsFixed, wallMsMax: batchWallMsMax };
    start(slot.instance, batchOf(run, form)).then(
      (result) => this.#finish(run, result),
      (thrown) => this.#fail(run, ServingError.from(thrown)),
    );
  }

  #finish(run: Run, result: BatchResult): void {
    const { rules, signature, cost, suspicion, desk, changed } = this.#options;
    const items = rules.itemsFixed ?? run.items;
    const wanted = run.entries[0]?.request.outputs;
    const fault = outputFault(result.outputs, { wanted, items }, signature);
    if (fault !== undefined) {
      this.#fail(run, fault);
      return;
    }
    const nowMs = this.#end(run, result.runMs);
    cost.note(items, result.runMs);
    suspicion.absolve(run);
    this.#sendAll();
    const isShared = run.entries.length > 1 || items !== run.items;
    const shares = isShared ? sharesOf(run.entries, result.outputs) : [result.outputs];
    if (!isShared) markAnswer(result.outputs);
    for (let at = 0; at < shares.length; at += 1) {
      const entry = run.entries[at];
      const share = shares[at];
      if (entry === undefined || share === undefined || isSettled(entry)) continue;
      noteTimes(entry, { run, nowMs, runMs: result.runMs });
      desk.answer(entry, share);
    }
    changed();
  }

  #fail(run: Run, error: ServingError): void {
    const { suspicion, desk } = this.#options;
    this.#end(run, undefined);
    switch (error.code) {
      case "INPUT_REJECTED_BY_MODEL":
        if (run.entries.length === 1) suspicion.absolve(run);
        this.#tryApart(run, error);
        break;
      case "MODEL_OUTPUT_INVALID":
      case "MEMORY_EXHAUSTED":
        this.#tryApart(run, error);
        break;
      case "MODEL_NOT_READY":
        for (const entry of run.entries) this.#putBack(entry, error);
        break;
      case "WORKER_LOST":
      case "ENGINE_TIMEOUT":
        suspicion.accuse(run, error);
        for (const entry of run.entries) desk.fail(entry, error);
        // Other runs of the dead worker come back in this turn; nothing is sent before all are
        // known.
        this.wake();
        return;
      default:
        for (const entry of run.entries) desk.fail(entry, error);
    }
    this.#pump();
  }

  /**
   * One of the requests may be at fault, or all together too large: the only one is answered,
   * several are tried in parts.
   */
  #tryApart(run: Run, error: ServingError): void {
    const { suspicion, desk, observer, room } = this.#options;
    const [only, ...others] = run.entries;
    if (only !== undefined && others.length === 0) {
      desk.fail(only, error);
      return;
    }
    const left = run.entries.filter((entry) => !isSettled(entry) && !suspicion.takesBack(entry));
    if (left.length > 0) observer.batchRetried(left.length);
    for (const part of splitRejected(left)) room.addRetry(part);
  }

  /** The instance took no run after all: the request waits again, once. */
  #putBack(entry: Entry, error: ServingError): void {
    if (isSettled(entry)) return;
    if (entry.wasPutBack) {
      this.#options.desk.fail(entry, error);
      return;
    }
    entry.wasPutBack = true;
    if (!this.#options.suspicion.takesBack(entry)) this.#options.room.add(entry);
  }

  /** The batch is back: its place is free. Gives the time. */
  #end(run: Run, runMs: number | undefined): number {
    const nowMs = this.#options.clock.nowMs();
    run.slot.leave(run, nowMs);
    if (run.suspect !== undefined) run.suspect.isRunning = false;
    this.#options.observer.batchDone({
      items: run.items,
      requests: run.entries.length,
      runMs: runMs ?? 0,
      roundTripMs: nowMs - run.sentAtMs,
      queueMsMax: run.sentAtMs - run.oldestAtMs,
      isSuccess: runMs !== undefined,
    });
    return nowMs;
  }
}

/** What an instance throws at once is treated like what it throws later. */
async function start(instance: Instance, batch: Batch): Promise<BatchResult> {
  return await instance.run(batch);
}

interface Outcome {
  readonly run: Run;
  readonly nowMs: number;
  readonly runMs: number;
}

function noteTimes(entry: Entry, { run, nowMs, runMs }: Outcome): void {
  const { times } = entry.context;
  times.answeredAtMs = nowMs;
  if (entry.whole === undefined) {
    times.runMs = runMs;
    times.batchItems = run.items;
    return;
  }
  entry.whole.runMs += runMs;
  times.runMs = entry.whole.runMs;
  times.batchItems = Math.max(times.batchItems, run.items);
}
