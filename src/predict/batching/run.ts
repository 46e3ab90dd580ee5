/**
 * One batch under way, and the place in an instance that it takes.
 */
import type { Batch, Instance } from "../../engine/index.ts";
import { sliceItems, type Tensor } from "../../tensor/index.ts";
import type { Suspect } from "../suspects/suspects.ts";
import { type Entry, partOf } from "./entry.ts";
import type { SlotView } from "./plan-batch.ts";

/**
 * Behind a run of this length nothing is sent ahead, ms. The gap that sending ahead saves is about
 * 0.2 ms, so a longer run loses less than 1 % by going without.
 */
const aheadRunMsMax = 20;

/** An instance as the batcher sees it. */
export class Slot implements SlotView {
  readonly instance: Instance;
  /** Runs under way. At most `runsMax`. */
  readonly runs: Run[] = [];
  /** When the oldest run became the oldest, and how long the one before it took. */
  #headSinceMs = 0;
  #lastRunMs = 0;

  constructor(instance: Instance) {
    this.instance = instance;
  }

  get isReady(): boolean {
    return this.instance.isReady;
  }

  get runsMax(): number {
    return this.instance.runsMax;
  }

  get aheadUntilMs(): number {
    if (this.#lastRunMs > aheadRunMsMax) return Number.NEGATIVE_INFINITY;
    return this.#headSinceMs + aheadRunMsMax;
  }

  get inFlight(): number {
    return this.runs.length;
  }

  get isExclusive(): boolean {
    return this.runs[0]?.suspect !== undefined;
  }

  /** Takes a place for the run; from then on no run here is alone, if there are several. */
  enter(run: Run): void {
    if (this.runs.length === 0) this.#headSinceMs = run.sentAtMs;
    this.runs.push(run);
    if (this.runs.length > 1) for (const each of this.runs) each.isAlone = false;
  }

  leave(run: Run, nowMs: number): void {
    this.#lastRunMs = nowMs - this.#headSinceMs;
    this.#headSinceMs = nowMs;
    this.runs.splice(this.runs.indexOf(run), 1);
  }
}

export class Run {
  readonly entries: readonly Entry[];
  readonly slot: Slot;
  readonly sentAtMs: number;
  /** Items of the requests; padding is not counted. */
  readonly items: number;
  /** Set when this is the run of a suspect. */
  readonly suspect: Suspect | undefined;
  /** One request, and nothing else ran in the worker meanwhile. */
  isAlone: boolean;

  /** REQUIRES: `entries` is not empty. */
  constructor(entries: readonly Entry[], slot: Slot, sentAtMs: number) {
    this.entries = entries;
    this.slot = slot;
    this.sentAtMs = sentAtMs;
    let items = 0;
    for (const entry of entries) items += entry.items;
    this.items = items;
    const suspect = entries.length === 1 ? entries[0]?.suspect : undefined;
    this.suspect = suspect?.state === "suspect" ? suspect : undefined;
    this.isAlone = entries.length === 1;
  }

  get oldestAtMs(): number {
    let oldest = this.sentAtMs;
    for (const entry of this.entries) oldest = Math.min(oldest, entry.arrivedAtMs);
    return oldest;
  }
}

export interface BatchForm {
  /** The artifact wants exactly so many items; `undefined` = any number. */
  readonly itemsFixed: number | undefined;
  /** The run is killed after this many ms. */
  readonly wallMsMax: number;
}

/** What the engine is given: a part for each entry, filled up with copies of the last item. */
export function batchOf(run: Run, form: BatchForm): Batch {
  const parts = run.entries.map(partOf);
  const missing = (form.itemsFixed ?? run.items) - run.items;
  const last = parts.at(-1);
  if (missing > 0 && last !== undefined) {
    const inputs = last.inputs.map((tensor) => tensor && lastItem(tensor));
    for (let count = 0; count < missing; count += 1) parts.push({ inputs });
  }
  return { parts, outputs: run.entries[0]?.request.outputs, wallMsMax: form.wallMsMax };
}

function lastItem(tensor: Tensor): Tensor {
  const items = tensor.shape[0] ?? 1;
  return sliceItems(tensor, items - 1, items);
}
