/**
 * Decides what the batcher does now: send from one lane to one instance, wait, or nothing.
 *
 * A pure function of a snapshot and a time, so a table and a simulation can test it. With
 * `delayMsMax` 0 it is the greedy policy: what has arrived goes as soon as an instance is idle.
 * - Work goes to the instance with the fewest runs under way.
 * - A batch is sent ahead to a busy instance only when it is full: a part-filled one would go in
 *   two halves where waiting makes it one (measured: two batches in flight halve their size). And
 *   only while the run there is short: what is sent cannot be called back, so behind a long run it
 *   would outlive its deadline and its caller, and share the fate of a hang.
 * - Parts of a rejected batch go first, because their requests have waited longest.
 * - A suspect needs an instance for itself. While the oldest in the queue is one, nothing younger
 *   is sent: a steady load would keep every instance busy for ever.
 */

/** The waiting requests of one key. `items` is at least 1. */
export interface LaneView {
  readonly items: number;
  /** The request that runs next waits for no company: it would share its run with no other. */
  readonly isAlone: boolean;
  /** Rank and number of the request that runs next. */
  readonly rank: number;
  readonly order: number;
  /** Arrival of the one that has waited longest. */
  readonly oldestAtMs: number;
}

export interface SlotView {
  readonly isReady: boolean;
  /** Runs under way, and how many there may be. */
  readonly inFlight: number;
  readonly runsMax: number;
  /** While it is busy, a batch may be sent ahead before this instant. */
  readonly aheadUntilMs: number;
  /** A suspect runs here: nothing else may. */
  readonly isExclusive: boolean;
}

export interface BatchSnapshot<L extends LaneView, S extends SlotView> {
  readonly slots: readonly S[];
  /** Lanes that are not empty, in any order. */
  readonly lanes: Iterable<L>;
  /** The first suspect that may run now, if one waits. */
  readonly suspect: { readonly rank: number; readonly order: number } | undefined;
  /** Parts of rejected batches that wait to be run again. */
  readonly retries: number;
}

export interface BatchRules {
  /** Most items of one batch, >= 1. */
  readonly itemsMax: number;
  /** How long the oldest may wait for company, ms; 0 is greedy. */
  readonly delayMsMax: number;
}

/** A lane, the line of suspects, or the parts of rejected batches. */
export type BatchSource<L> = L | "suspects" | "retries";

export type BatchPlan<L extends LaneView, S extends SlotView> =
  | { readonly kind: "send"; readonly from: BatchSource<L>; readonly slot: S }
  | { readonly kind: "wait"; readonly untilMs: number }
  | { readonly kind: "nothing" };

const nothing = { kind: "nothing" } as const;

export function planBatch<L extends LaneView, S extends SlotView>(
  snapshot: BatchSnapshot<L, S>,
  rules: BatchRules,
  nowMs: number,
): BatchPlan<L, S> {
  const slot = leastBusy(snapshot.slots, nowMs);
  if (slot === undefined) return nothing;
  const isIdle = slot.inFlight === 0;
  if (snapshot.retries > 0) return isIdle ? { kind: "send", from: "retries", slot } : nothing;
  let first: L | undefined;
  let dueAtMs = Number.POSITIVE_INFINITY;
  for (const lane of snapshot.lanes) {
    const isFull = lane.isAlone || lane.items >= rules.itemsMax;
    if (!isFull && !isIdle) continue;
    const laneDueAtMs = isFull || rules.delayMsMax === 0 ? nowMs : dueAt(lane, rules);
    if (laneDueAtMs > nowMs) dueAtMs = Math.min(dueAtMs, laneDueAtMs);
    else if (first === undefined || isBefore(lane, first)) first = lane;
  }
  const { suspect } = snapshot;
  if (suspect !== undefined && (first === undefined || isBefore(suspect, first))) {
    return isIdle ? { kind: "send", from: "suspects", slot } : nothing;
  }
  if (first !== undefined) return { kind: "send", from: first, slot };
  return dueAtMs === Number.POSITIVE_INFINITY ? nothing : { kind: "wait", untilMs: dueAtMs };
}

function dueAt(lane: LaneView, rules: BatchRules): number {
  return lane.oldestAtMs + rules.delayMsMax;
}

function leastBusy<S extends SlotView>(slots: readonly S[], nowMs: number): S | undefined {
  let best: S | undefined;
  for (const slot of slots) {
    if (!slot.isReady || slot.isExclusive || slot.inFlight >= slot.runsMax) continue;
    if (slot.inFlight > 0 && nowMs >= slot.aheadUntilMs) continue;
    if (best === undefined || slot.inFlight < best.inFlight) best = slot;
  }
  return best;
}

type Turn = Pick<LaneView, "rank" | "order">;

function isBefore(one: Turn, other: Turn): boolean {
  return one.rank !== other.rank ? one.rank < other.rank : one.order < other.order;
}
