/**
 * What a seed means: the rules of the batcher and everything that will happen to it.
 *
 * Drawn before the run starts, so that the story does not depend on what the batcher does.
 */
import { type Random, seededRandom } from "../../src/base/index.ts";
import type { BatchLayout } from "../../src/model/index.ts";
import type { BatchingRules } from "../../src/predict/index.ts";

export interface RequestPlan {
  readonly id: number;
  readonly atMs: number;
  readonly rows: readonly number[];
  readonly width: number;
  readonly priority: number;
  /** After its arrival; not above 0 is over at once. */
  readonly deadlineMs: number;
  readonly cancelMs: number | undefined;
  readonly wanted: readonly number[] | undefined;
  readonly parameter: string | undefined;
  /** The engine refuses every run with it. */
  readonly isBad: boolean;
  /** Every run with it kills the worker. */
  readonly isPoison: boolean;
  /** Requests of one content have equal inputs. */
  readonly content: string;
}

export interface SimPlan {
  readonly seed: number;
  readonly layout: BatchLayout;
  readonly rules: BatchingRules;
  readonly queueItemsMax: number;
  readonly instances: number;
  readonly runsMax: number;
  readonly runMsMax: number;
  readonly isWidthOpen: boolean;
  readonly requests: readonly RequestPlan[];
  /** Deaths that no input causes: kills from outside, or faults that look like crashes. */
  readonly kills: readonly {
    readonly atMs: number;
    readonly instance: number;
    readonly isOutside: boolean;
  }[];
  /** Shares of runs with such an end. */
  readonly brokenOutputShare: number;
  readonly notReadyShare: number;
}

/** A whole number from `from` to `to`, both included. */
export function whole(random: Random, from: number, to: number): number {
  return from + Math.floor(random.next() * (to - from + 1));
}

function chance(random: Random, share: number): boolean {
  return random.next() < share;
}

function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  return values[whole(random, 0, values.length - 1)] ?? values[0];
}

export function planOf(seed: number): SimPlan {
  const random = seededRandom(seed * 2_654_435_761 + 1);
  for (let warm = 0; warm < 4; warm += 1) random.next();
  const itemsMax = whole(random, 1, 12);
  const layout = pick<BatchLayout>(random, [
    { kind: "dynamic" },
    { kind: "dynamic" },
    { kind: "fixed", items: whole(random, 1, 6) },
    { kind: "none", reason: "the test says so" },
  ]);
  const sliceItemsMax = itemsMax * whole(random, 1, 3);
  const delayMsMax = chance(random, 0.6) ? 0 : whole(random, 1, 10);
  const instances = whole(random, 1, 3);
  const isWidthOpen = chance(random, 0.4);
  return {
    seed,
    layout,
    rules: { itemsMax, delayMsMax, sliceItemsMax },
    queueItemsMax: pick(random, [12, 40, 10_000]),
    instances,
    runsMax: whole(random, 1, 2),
    runMsMax: pick(random, [1, 4, 12]),
    isWidthOpen,
    requests: drawRequests(random, { itemsMax, isWidthOpen, layout }),
    kills: drawKills(random, instances),
    brokenOutputShare: chance(random, 0.2) ? 0.05 : 0,
    notReadyShare: chance(random, 0.2) ? 0.05 : 0,
  };
}

function drawKills(random: Random, instances: number): SimPlan["kills"] {
  const count = chance(random, 0.4) ? whole(random, 1, 6) : 0;
  return Array.from({ length: count }, () => ({
    atMs: whole(random, 0, 150),
    instance: whole(random, 0, instances - 1),
    isOutside: chance(random, 0.7),
  }));
}

interface Traits {
  readonly itemsMax: number;
  readonly isWidthOpen: boolean;
  readonly layout: BatchLayout;
}

function drawRequests(random: Random, traits: Traits): readonly RequestPlan[] {
  const gapMsMax = pick(random, [0, 2, 5]);
  const shares = {
    cancel: pick(random, [0, 0.1, 0.5]),
    deadline: pick(random, [0, 0.1, 0.5]),
    priority: pick(random, [0, 0, 0.3]),
    bad: pick(random, [0, 0.05, 0.3]),
    poison: pick(random, [0, 0, 0.05]),
    constant: pick(random, [0, 0.3, 1]),
    many: pick(random, [0, 0.2]),
    variant: pick(random, [0, 0, 0.4]),
  };
  const requests: RequestPlan[] = [];
  const count = whole(random, 10, 150);
  let atMs = 0;
  for (let id = 0; id < count; id += 1) {
    atMs += chance(random, 0.5) ? whole(random, 0, gapMsMax) : 0;
    requests.push(drawRequest(random, { ...traits, id, atMs, shares }));
  }
  return requests;
}

interface Draft extends Traits {
  readonly id: number;
  readonly atMs: number;
  readonly shares: Readonly<Record<string, number>>;
}

function drawRequest(random: Random, draft: Draft): RequestPlan {
  const has = (trait: string) => chance(random, draft.shares[trait] ?? 0);
  const { id, atMs } = draft;
  const isPoison = has("poison");
  const isBad = !isPoison && has("bad");
  const isConstant = isPoison || (!isBad && has("constant"));
  const items = has("many") ? whole(random, 1, 3 * draft.itemsMax) : whole(random, 1, 3);
  const width = draft.isWidthOpen ? whole(random, 1, 2) : 1;
  const start = isConstant ? 1_000_000 + (isPoison ? 1_000 : 0) : id * 64;
  const count = isConstant ? 1 : items;
  const rows = Array.from({ length: count }, (_, row) => start + row);
  return {
    id,
    atMs,
    rows,
    width,
    priority: has("priority") ? whole(random, 1, 3) : 0,
    deadlineMs: has("deadline") ? whole(random, 0, 25) : 100_000,
    cancelMs: has("cancel") ? whole(random, 0, 20) : undefined,
    wanted: has("variant") ? pick<readonly number[]>(random, [[0], [1], [1, 0]]) : undefined,
    parameter: has("variant") ? pick(random, ["a", "b"]) : undefined,
    isBad,
    isPoison,
    content: `${start}x${count}x${width}`,
  };
}
