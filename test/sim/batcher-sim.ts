/**
 * Drives a batcher through the story of a seed and says which rules it broke.
 *
 * One timer of the fake clock at a time, and all promises in between, as an event loop does it; so
 * the same seed gives the same log, event by event.
 */
import { setImmediate } from "node:timers/promises";
import {
  Cancellation,
  defaultLimits,
  FakeClock,
  ServingError,
  seededRandom,
} from "../../src/base/index.ts";
import type { OutputSpec } from "../../src/model/index.ts";
import {
  type BatchingPredictor,
  createBatchingPredictor,
  type InferenceRequest,
  type InferenceResponse,
} from "../../src/predict/index.ts";
import { makeTensor } from "../../src/tensor/index.ts";
import { contextOf, signatureOf } from "../support/batcher-rig.ts";
import { silentObserver } from "../support/silent-observer.ts";
import { SimInstance } from "./batcher-instance.ts";
import { planOf, type RequestPlan, type SimPlan } from "./batcher-plan.ts";
import { kindOf, SimRequest, type World, waitingOf } from "./batcher-world.ts";

/** An answer may be later than its deadline by the grain of the deadline timer, ms. */
const lateMsMax = 4;
/** By then every story has ended, ms. */
const endMs = 20_000;

export interface SimReport {
  readonly faults: readonly string[];
  readonly log: readonly string[];
  /** How many requests ended in which way. */
  readonly outcomes: ReadonlyMap<string, number>;
}

interface Sim extends World {
  readonly batcher: BatchingPredictor;
  readonly instances: SimInstance[];
  readonly gauge: { items: number; bytes: number };
  readonly logged: string[];
}

export async function simulate(seed: number): Promise<SimReport> {
  const plan = planOf(seed);
  const sim = simOf(plan);
  for (const request of plan.requests) sim.clock.after(request.atMs, () => ask(sim, request));
  for (const { atMs, instance, isOutside } of plan.kills) {
    sim.clock.after(atMs, () => sim.instances[instance]?.die("WORKER_LOST", isOutside));
  }
  while (sim.clock.step(endMs)) {
    await settled();
    if (sim.clock.nextAtMs !== sim.clock.nowMs()) checkInstant(sim);
  }
  await checkEnd(sim);
  const outcomes = new Map<string, number>();
  for (const { outcome = "none" } of sim.requests) {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return { faults: sim.faults, log: sim.logged, outcomes };
}

function simOf(plan: SimPlan): Sim {
  const clock = new FakeClock();
  const logged: string[] = [];
  const gauge = { items: 0, bytes: 0 };
  const instances: SimInstance[] = [];
  const world: World = {
    plan,
    clock,
    random: seededRandom(plan.seed + 77),
    instances,
    requests: [],
    requestOf: new WeakMap(),
    suspects: new Set(),
    deaths: new Map(),
    faults: [],
    starts: 0,
    log: (event) => logged.push(`${clock.nowMs()} ${event}`),
  };
  for (let at = 0; at < plan.instances; at += 1) {
    instances.push(new SimInstance(world, `instance ${at}`));
  }
  const base = signatureOf(plan.layout, plan.isWidthOpen ? -1 : 1);
  const z = { ...base.outputs[0], name: "z", dtype: "INT64", shape: [-1] } as OutputSpec;
  const batcher = createBatchingPredictor({
    signature: { ...base, outputs: [...base.outputs, z] },
    instances,
    rules: plan.rules,
    limits: { ...defaultLimits, queueItemsMax: plan.queueItemsMax },
    clock,
    observer: {
      ...silentObserver,
      queueChanged: (items, bytes) => Object.assign(gauge, { items, bytes }),
    },
  });
  return { ...world, instances, batcher, gauge, logged };
}

/**
 * Lets all that was promised happen, however long the chain: an instance that refuses run after run
 * within one instant makes one of any length.
 */
async function settled(): Promise<void> {
  await setImmediate();
}

/** A request arrives. */
function ask(sim: Sim, plan: RequestPlan): void {
  const { clock, batcher } = sim;
  const isAlone = sim.plan.layout.kind === "none";
  const request = new SimRequest(plan, isAlone ? 1 : plan.rows.length);
  const cancellation = new Cancellation();
  const isOver = request.deadlineAtMs <= clock.nowMs();
  const isFull = waitingItems(sim) + request.items > sim.plan.queueItemsMax;
  sim.requests.push(request);
  sim.log(`request ${plan.id} arrives`);
  const context = contextOf({
    deadlineAtMs: request.deadlineAtMs,
    priority: plan.priority,
    cancellation,
  });
  batcher.predict(inferenceOf(sim, request), context).then(
    (response) => {
      checkRows(sim, request, response);
      end(sim, request, "ok");
    },
    (error: ServingError) => {
      const isExpected = error.code === "QUEUE_FULL" ? isFull && !isOver : true;
      if (!isExpected) sim.faults.push(`${plan.id} met a full queue that was not full`);
      end(sim, request, error.code);
    },
  );
  if (isFull && !isOver) request.runEnds.add("QUEUE_FULL");
  if (plan.cancelMs === undefined) return;
  clock.after(plan.cancelMs, () => {
    if (request.outcome !== undefined) return;
    request.isCancelled = true;
    sim.log(`request ${plan.id} leaves`);
    cancellation.cancel(new ServingError("CANCELLED", "the caller left"));
  });
}

function inferenceOf(sim: Sim, request: SimRequest): InferenceRequest {
  const { plan, items } = request;
  const elements = new Float32Array(plan.rows.length * plan.width);
  for (const [row, value] of plan.rows.entries()) {
    elements.fill(value, row * plan.width, (row + 1) * plan.width);
  }
  const parameters = plan.parameter === undefined ? undefined : new Map([["p", plan.parameter]]);
  sim.requestOf.set(elements.buffer, request);
  const inputs = [makeTensor("FP32", [plan.rows.length, plan.width], elements)];
  return { inputs, items, outputs: plan.wanted, parameters };
}

/** Items that wait, counted from what the instances hold. */
function waitingItems(sim: Sim): number {
  let items = 0;
  for (const request of sim.requests) items += waitingOf(sim, request);
  return items;
}

function checkRows(sim: Sim, { plan }: SimRequest, response: InferenceResponse): void {
  const rows = plan.rows.flatMap((value) => Array<number>(plan.width).fill(value * 10));
  const all = [rows.join(), plan.rows.join()];
  const expected = (plan.wanted ?? [0, 1]).map((index) => all[index]);
  const got = response.outputs.map((output) => [...(output.elements as Float32Array)].join());
  if (got.join(";") !== expected.join(";")) sim.faults.push(`${plan.id} got rows of others`);
}

function end(sim: Sim, request: SimRequest, outcome: string): void {
  const { faults, clock } = sim;
  const { id, isBad, content } = request.plan;
  sim.log(`request ${id} ends: ${outcome}`);
  if (request.outcome !== undefined) faults.push(`${id} was answered twice`);
  request.outcome = outcome;
  const isDue = request.deadlineAtMs <= clock.nowMs();
  const causes: Record<string, boolean> = {
    ok: !isBad && !request.isCancelled,
    INPUT_REJECTED_BY_MODEL: isBad,
    DEADLINE_EXCEEDED: isDue,
    CANCELLED: request.isCancelled,
    INPUT_QUARANTINED: (sim.deaths.get(content) ?? 0) >= 2,
  };
  const isFair = causes[outcome] ?? request.runEnds.has(outcome);
  if (!isFair) faults.push(`${id} ended without cause: ${outcome}`);
}

/** What must hold when all that was due has happened. */
function checkInstant(sim: Sim): void {
  const nowMs = sim.clock.nowMs();
  const { plan, faults } = sim;
  const delayMs = plan.layout.kind === "none" ? 0 : plan.rules.delayMsMax;
  const isIdle = sim.instances.some((each) => each.isReady && each.runs.length === 0);
  const running = new Set<string>();
  for (const { runs } of sim.instances) {
    for (const run of runs) for (const each of run.shares.keys()) running.add(each.plan.content);
  }
  for (const request of sim.requests) {
    if (request.outcome !== undefined) continue;
    const { id, atMs, content } = request.plan;
    if (request.deadlineAtMs + lateMsMax < nowMs) faults.push(`${id} outlived its deadline`);
    if (request.isCancelled) faults.push(`${id} was not let go`);
    if (!isIdle || waitingOf(sim, request) === 0 || atMs + delayMs > nowMs) continue;
    const mustWait = sim.suspects.has(content) && running.has(content);
    if (!mustWait) faults.push(`${id} waits while an instance is idle at ${nowMs} ms`);
  }
}

async function checkEnd(sim: Sim): Promise<void> {
  const { faults, gauge } = sim;
  for (const request of sim.requests) {
    if (request.outcome === undefined) faults.push(`${request.plan.id} was never answered`);
  }
  if (gauge.items !== 0 || gauge.bytes !== 0) faults.push("the gauge did not return to 0");
  let isDrained = false;
  const drained = sim.batcher.drain().then(() => {
    isDrained = true;
  });
  await settled();
  if (isDrained) await drained;
  else faults.push("the batcher is not empty");
  checkOrder(sim);
}

/** Requests of one kind and rank start in the order in which they came. */
function checkOrder(sim: Sim): void {
  const last = new Map<string, number>();
  for (const { plan, startedAs } of sim.requests) {
    if (startedAs === undefined || plan.rows[0] === undefined || plan.rows[0] >= 1_000_000)
      continue;
    const kind = `${plan.priority === 0 ? 2 : plan.priority} ${kindOf(plan)}`;
    if (startedAs < (last.get(kind) ?? -1)) sim.faults.push(`${plan.id} was overtaken`);
    last.set(kind, startedAs);
  }
}
