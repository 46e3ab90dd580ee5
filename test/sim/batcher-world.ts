/**
 * What happens in a simulation, and the rules that every run must keep when it starts.
 *
 * Nothing here comes from the batcher: who waits, who is suspect and who killed is counted again
 * from what the instances see.
 */
import type { FakeClock, Random, ServingError } from "../../src/base/index.ts";
import type { Batch, BatchResult } from "../../src/engine/engine.ts";
import type { RequestPlan, SimPlan } from "./batcher-plan.ts";

/** A request in the simulation, with what has happened to it. */
export class SimRequest {
  readonly plan: RequestPlan;
  readonly deadlineAtMs: number;
  /** Items as the batcher counts them. */
  readonly items: number;
  isCancelled = false;
  /** The error code, or `ok`. */
  outcome: string | undefined;
  itemsDone = 0;
  startedAs: number | undefined;
  /** Ends of the runs that it was in. */
  readonly runEnds = new Set<string>();

  constructor(plan: RequestPlan, items: number) {
    this.plan = plan;
    this.items = items;
    this.deadlineAtMs = plan.atMs + plan.deadlineMs;
  }
}

/** What the instances of one simulation have in common. */
export interface World {
  readonly plan: SimPlan;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly instances: { readonly runs: readonly SimRun[] }[];
  readonly requests: SimRequest[];
  readonly requestOf: WeakMap<ArrayBufferLike, SimRequest>;
  /** Contents that were in a dead worker and have not been answered since. */
  readonly suspects: Set<string>;
  /** Deaths while alone of each content since its last answer. */
  readonly deaths: Map<string, number>;
  /** Broken rules; the simulation fails when there is one. */
  readonly faults: string[];
  starts: number;
  log(event: string): void;
}

export interface SimRun {
  readonly batch: Batch;
  /** The requests and how many of their items; padding is left out. */
  readonly shares: ReadonlyMap<SimRequest, number>;
  readonly wasSuspect: boolean;
  /** Nothing else was in the worker meanwhile. */
  isAlone: boolean;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: ServingError) => void;
}

interface Blame {
  readonly request: SimRequest;
  readonly run: SimRun;
  readonly code: string;
  readonly isOutside: boolean;
}

/** A death counts against a content when the run was of a known suspect, or is its first. */
export function blame(world: World, { request, run, code, isOutside }: Blame): void {
  const { content } = request.plan;
  request.runEnds.add(code);
  const deaths = world.deaths.get(content) ?? 0;
  if (run.isAlone && (run.wasSuspect || deaths === 0)) {
    world.deaths.set(content, deaths + (isOutside ? 1 / 16 : 1));
  }
  world.suspects.add(content);
}

/** Requests of one kind may share a run. */
export function kindOf({ width, wanted, parameter }: RequestPlan): string {
  return JSON.stringify([width, wanted, parameter]);
}

/** Items of a request that wait, counted from what the instances hold. */
export function waitingOf(world: World, request: SimRequest): number {
  if (request.outcome !== undefined) return 0;
  let running = 0;
  for (const { runs } of world.instances) {
    for (const run of runs) running += run.shares.get(request) ?? 0;
  }
  return request.items - request.itemsDone - running;
}

/** True when a request waits that could have joined those of a run but for its size. */
function hasMore(world: World, requests: readonly SimRequest[]): boolean {
  const kinds = requests.map((each) => kindOf(each.plan));
  return world.requests.some(
    (each) =>
      !requests.includes(each) && kinds.includes(kindOf(each.plan)) && waitingOf(world, each) > 0,
  );
}

/** A run that starts. */
export interface Start {
  readonly batch: Batch;
  readonly shares: ReadonlyMap<SimRequest, number>;
}

/** The rules that a run must keep when it starts. */
export function checkRun(world: World, others: readonly SimRun[], start: Start): void {
  const { batch, shares } = start;
  const { plan, faults } = world;
  const requests = [...shares.keys()];
  const nowMs = world.clock.nowMs();
  let items = 0;
  for (const share of shares.values()) items += share;
  let given = 0;
  for (const part of batch.parts) given += part.inputs[0]?.shape[0] ?? 0;
  const { layout, rules } = plan;
  const itemsMax = layout.kind === "fixed" ? layout.items : rules.itemsMax;
  const aloneMax = Math.max(rules.sliceItemsMax ?? 0, itemsMax);
  if (layout.kind === "none" && requests.length > 1)
    faults.push("requests share a run: layout none");
  if (layout.kind !== "none" && items > (requests.length === 1 ? aloneMax : itemsMax)) {
    faults.push(`a run of ${items} items is over the limit`);
  }
  if (layout.kind === "fixed" && given !== layout.items) {
    faults.push(`a run of ${given} items where ${layout.items} are wanted`);
  }
  const kinds = new Set(requests.map((each) => kindOf(each.plan)));
  if (kinds.size > 1) faults.push("incompatible requests share a run");
  const isFull = layout.kind === "none" || items >= itemsMax || hasMore(world, requests);
  if (others.length > 0 && !isFull) faults.push("a batch with room was sent ahead");
  const isSuspect = requests.some((each) => world.suspects.has(each.plan.content));
  const isExclusive = requests.length === 1 && others.length === 0;
  if (isSuspect && !isExclusive) faults.push("a suspect runs in company");
  if (others.some((run) => run.wasSuspect)) faults.push("a run joins that of a suspect");
  for (const request of requests) {
    if (request.deadlineAtMs <= nowMs) faults.push(`${request.plan.id} runs after its deadline`);
    if ((world.deaths.get(request.plan.content) ?? 0) >= 2) faults.push("a killer runs again");
    if (request.isCancelled) faults.push(`${request.plan.id} runs after its cancel`);
    if (request.startedAs === undefined) request.startedAs = world.starts;
    world.starts += 1;
  }
}
