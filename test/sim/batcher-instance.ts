/**
 * Instances that run, refuse, break and die as a plan says, and watch what they are given.
 *
 * Each finds out which requests are in a batch by the memory of their tensors, which slices share,
 * so it can check what no answer shows: limits, compatibility, deadlines, exclusive suspects.
 */
import { ServingError, type Timer } from "../../src/base/index.ts";
import type { Batch, BatchPart, BatchResult, Instance } from "../../src/engine/engine.ts";
import { OutsideKill } from "../../src/engine/outside-kill.ts";
import { concatItems, makeTensor, sliceItems, type Tensor } from "../../src/tensor/index.ts";
import { whole } from "./batcher-plan.ts";
import { blame, checkRun, type SimRequest, type SimRun, type World } from "./batcher-world.ts";

export class SimInstance implements Instance {
  readonly runsMax: number;
  readonly startsInMs = 0;
  readonly restarts = 0;
  readonly memoryBytes = 0;
  isReady = true;
  runs: SimRun[] = [];
  readonly #world: World;
  readonly #name: string;
  #listeners: (() => void)[] = [];
  #timer: Timer | undefined;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.runsMax = world.plan.runsMax;
  }

  run(batch: Batch): Promise<BatchResult> {
    const world = this.#world;
    if (!this.isReady || this.runs.length >= this.runsMax) {
      world.faults.push(`${this.#name} was given a run that it cannot take`);
    }
    const shares = sharesOf(batch, world);
    world.log(`${this.#name} starts ${describe(shares)}`);
    const wasSuspect = [...shares.keys()].some((each) => world.suspects.has(each.plan.content));
    checkRun(world, this.runs, { batch, shares });
    if (world.random.next() < world.plan.notReadyShare) {
      for (const request of shares.keys()) request.runEnds.add("MODEL_NOT_READY");
      return Promise.reject(new ServingError("MODEL_NOT_READY", "restarting"));
    }
    return new Promise((resolve, reject) => {
      this.runs.push({ batch, shares, wasSuspect, isAlone: shares.size === 1, resolve, reject });
      if (this.runs.length === 1) this.#startNext();
      else for (const run of this.runs) run.isAlone = false;
    });
  }

  onReadyChange(act: () => void): void {
    this.#listeners.push(act);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The process ends; everything in it is lost, and another one comes up later. */
  die(code: "WORKER_LOST" | "ENGINE_TIMEOUT", isOutside: boolean): void {
    if (!this.isReady) return;
    const world = this.#world;
    world.log(`${this.#name} dies: ${code}`);
    this.#timer?.cancel();
    this.#setReady(false);
    const lost = this.runs;
    this.runs = [];
    for (const run of lost) {
      for (const request of run.shares.keys()) blame(world, { request, run, code, isOutside });
      const cause = isOutside ? new OutsideKill("SIGKILL") : "SIGSEGV";
      run.reject(new ServingError(code, "the worker died", { cause }));
    }
    world.clock.after(whole(world.random, 1, 20), () => this.#setReady(true));
  }

  #setReady(isReady: boolean): void {
    this.isReady = isReady;
    for (const act of this.#listeners) act();
  }

  #startNext(): void {
    const pauseMs = whole(this.#world.random, 0, this.#world.plan.runMsMax);
    this.#timer = this.#world.clock.after(pauseMs, () => this.#end());
  }

  #end(): void {
    const world = this.#world;
    const [run] = this.runs;
    if (run === undefined) return;
    const requests = [...run.shares.keys()];
    if (requests.some((each) => each.plan.isPoison)) {
      this.die(world.random.next() < 0.5 ? "WORKER_LOST" : "ENGINE_TIMEOUT", false);
      return;
    }
    this.runs = this.runs.slice(1);
    if (this.runs.length > 0) this.#startNext();
    if (requests.some((each) => each.plan.isBad)) {
      world.log(`${this.#name} rejects`);
      run.reject(new ServingError("INPUT_REJECTED_BY_MODEL", "the engine refused the input"));
      return;
    }
    const isBroken = world.random.next() < world.plan.brokenOutputShare;
    world.log(`${this.#name} ends${isBroken ? " with broken outputs" : ""}`);
    for (const [request, items] of run.shares) {
      if (isBroken) request.runEnds.add("MODEL_OUTPUT_INVALID");
      else {
        request.itemsDone += items;
        if (request.itemsDone < request.items) continue;
        world.suspects.delete(request.plan.content);
        world.deaths.delete(request.plan.content);
      }
    }
    const outputs = outputsOf(run.batch);
    const isItemKept = world.plan.layout.kind === "none";
    if (isBroken) breakOutputs(outputs, whole(world.random, 0, isItemKept ? 1 : 2));
    run.resolve({ outputs, runMs: 1 });
  }
}

/** What the model answers: `y` is ten times the input, `z` the first element of each row. */
function outputsOf(batch: Batch): Tensor[] {
  const parts: Tensor[] = [];
  for (const part of batch.parts) if (part.inputs[0] !== undefined) parts.push(part.inputs[0]);
  const x = concatItems(parts);
  const values = x.elements as Float32Array;
  const items = x.shape[0] ?? 0;
  const width = x.shape[1] ?? 1;
  const first = BigInt64Array.from({ length: items }, (_, at) => BigInt(values[at * width] ?? 0));
  const all = [
    makeTensor(
      "FP32",
      x.shape,
      values.map((value) => value * 10),
    ),
    makeTensor("INT64", [items], first),
  ];
  const wanted = batch.outputs ?? [0, 1];
  return wanted.flatMap((index) => all[index] ?? []);
}

/** Leaves one out, changes a dtype, or drops an item. */
function breakOutputs(outputs: Tensor[], way: number): void {
  const first = outputs[0];
  if (first === undefined || way === 0) outputs.pop();
  else if (way === 1)
    outputs[0] = makeTensor("BOOL", [first.shape[0] ?? 1], new Uint8Array(first.shape[0] ?? 1));
  else outputs[0] = sliceItems(first, 0, (first.shape[0] ?? 1) - 1);
}

function sharesOf(batch: Batch, world: World): Map<SimRequest, number> {
  const shares = new Map<SimRequest, number>();
  const seen = new Set<string>();
  for (const part of batch.parts) {
    const request = requestOf(part, world);
    const x = part.inputs[0];
    if (request === undefined || x === undefined) continue;
    const [items = 0, width = 1] = x.shape;
    const { byteOffset } = x.elements as Float32Array;
    const isPadding = seen.has(`${request.plan.id}:${byteOffset}`);
    for (let item = 0; item < items; item += 1) {
      seen.add(`${request.plan.id}:${byteOffset + item * 4 * width}`);
    }
    if (isPadding) continue;
    const share = world.plan.layout.kind === "none" ? 1 : items;
    shares.set(request, (shares.get(request) ?? 0) + share);
  }
  return shares;
}

function requestOf(part: BatchPart, world: World): SimRequest | undefined {
  const elements = part.inputs[0]?.elements as Float32Array | undefined;
  const request = elements && world.requestOf.get(elements.buffer);
  if (request === undefined) world.faults.push("a run holds what nobody asked");
  return request;
}

function describe(shares: ReadonlyMap<SimRequest, number>): string {
  return [...shares].map(([request, items]) => `${request.plan.id}x${items}`).join(" ");
}
