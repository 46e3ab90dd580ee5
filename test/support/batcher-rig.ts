/**
 * A batcher on a fake clock with instances that a test answers by hand.
 *
 * The model multiplies each element of its input `x` by 10, so an answer tells whose rows it is of.
 */
import { Cancellation, defaultLimits, FakeClock, type ServingError } from "../../src/base/index.ts";
import type { Batch, BatchResult, Instance } from "../../src/engine/engine.ts";
import type { BatchLayout, InputSpec, Signature } from "../../src/model/index.ts";
import {
  type BatchingLimits,
  type BatchingObserver,
  type BatchingPredictor,
  type BatchingRules,
  createBatchingPredictor,
  type InferenceRequest,
  type RequestContext,
} from "../../src/predict/index.ts";
import { concatItems, makeTensor, type Tensor } from "../../src/tensor/index.ts";
import { silentObserver } from "./silent-observer.ts";

/** One FP32 input `x` and one FP32 output `y`, both [items, width]. */
export function signatureOf(layout: BatchLayout, width = 1): Signature {
  const tensor = { dtype: "FP32", shape: [-1, width], dimNames: [undefined, undefined] } as const;
  const input: InputSpec = {
    ...tensor,
    name: "x",
    isOptional: false,
    columns: undefined,
    min: undefined,
    max: undefined,
    lengthMin: undefined,
    lengthMax: undefined,
    steps: [],
  };
  return {
    inputs: [input],
    outputs: [{ ...tensor, name: "y", role: "other", labels: undefined }],
    layout,
  };
}

/** A request whose items are the given numbers, one a row. */
export function requestOf(rows: readonly number[]): InferenceRequest {
  const tensor = makeTensor("FP32", [rows.length, 1], Float32Array.from(rows));
  return { inputs: [tensor], items: rows.length, outputs: undefined, parameters: undefined };
}

export function contextOf(given: Partial<RequestContext> = {}): RequestContext {
  return {
    requestId: "r",
    deadlineAtMs: Number.POSITIVE_INFINITY,
    priority: 0,
    cancellation: new Cancellation(),
    times: {
      arrivedAtMs: 0,
      decodedAtMs: 0,
      sentAtMs: 0,
      answeredAtMs: 0,
      runMs: 0,
      batchItems: 0,
    },
    ...given,
  };
}

/** The joined input of a batch. */
export function joinedInput(batch: Batch): Tensor {
  const parts: Tensor[] = [];
  for (const part of batch.parts) if (part.inputs[0] !== undefined) parts.push(part.inputs[0]);
  return concatItems(parts);
}

/** What the model answers for `x`. */
export function timesTen(x: Tensor): Tensor {
  if (x.dtype !== "FP32") throw new TypeError("the model takes FP32");
  return makeTensor(
    "FP32",
    x.shape,
    Float32Array.from(x.elements as Float32Array, (v) => v * 10),
  );
}

export interface HandRun {
  readonly batch: Batch;
  /** The rows that went in. */
  readonly rows: readonly number[];
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: ServingError) => void;
}

/** Runs that the test answers by hand, oldest first. */
export class HandInstance implements Instance {
  readonly runsMax: number;
  /** The test puts a restart off by `setReady(false, ms)`. */
  startsInMs = 0;
  readonly restarts = 0;
  readonly memoryBytes = 0;
  isReady = true;
  /** Every run so far. */
  readonly all: HandRun[] = [];
  /** Runs under way. */
  open: HandRun[] = [];
  #listeners: (() => void)[] = [];

  constructor(runsMax = 1) {
    this.runsMax = runsMax;
  }

  /** The rows of each run so far. */
  get sent(): (readonly number[])[] {
    return this.all.map((run) => run.rows);
  }

  run(batch: Batch): Promise<BatchResult> {
    return new Promise((resolve, reject) => {
      const rows = [...(joinedInput(batch).elements as Float32Array)];
      const run = { batch, rows, resolve, reject };
      this.all.push(run);
      this.open.push(run);
    });
  }

  onReadyChange(act: () => void): void {
    this.#listeners.push(act);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  setReady(isReady: boolean, startsInMs = 0): void {
    this.isReady = isReady;
    this.startsInMs = startsInMs;
    for (const act of this.#listeners) act();
  }

  /** The oldest run under way comes back; `outputs` replaces what the model answers. */
  async answer(outputs?: readonly Tensor[]): Promise<void> {
    const run = this.#next();
    run.resolve({ outputs: outputs ?? [timesTen(joinedInput(run.batch))], runMs: 1 });
    await settle();
  }

  async fail(error: ServingError): Promise<void> {
    this.#next().reject(error);
    await settle();
  }

  /** The process ends with all that is under way. */
  async die(error: ServingError): Promise<void> {
    this.isReady = false;
    const lost = this.open;
    this.open = [];
    for (const run of lost) run.reject(error);
    await settle();
  }

  #next(): HandRun {
    const run = this.open.shift();
    if (run === undefined) throw new Error("nothing is under way");
    return run;
  }
}

/** Lets everything that was promised happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}

export interface RigOptions {
  readonly layout?: BatchLayout;
  readonly signature?: Signature;
  readonly rules?: Partial<BatchingRules>;
  readonly limits?: Partial<BatchingLimits>;
  readonly instances?: readonly HandInstance[];
  readonly observer?: Partial<BatchingObserver>;
}

export interface Rig {
  readonly clock: FakeClock;
  readonly batcher: BatchingPredictor;
  /** The first of the instances. */
  readonly instance: HandInstance;
  /** The answered rows, or the code of the error. */
  ask(
    rows: readonly number[],
    context?: Partial<RequestContext>,
  ): Promise<readonly number[] | string>;
  askWhole(
    request: InferenceRequest,
    context?: RequestContext,
  ): Promise<readonly number[] | string>;
}

export function rigOf(options: RigOptions = {}): Rig {
  const clock = new FakeClock();
  const instances = options.instances ?? [new HandInstance()];
  const [instance] = instances;
  if (instance === undefined) throw new Error("a rig needs an instance");
  const batcher = createBatchingPredictor({
    signature: options.signature ?? signatureOf(options.layout ?? { kind: "dynamic" }),
    instances,
    rules: { itemsMax: 8, delayMsMax: 0, ...options.rules },
    limits: { ...defaultLimits, ...options.limits },
    clock,
    observer: { ...silentObserver, ...options.observer },
  });
  const askWhole: Rig["askWhole"] = (request, context = contextOf()) =>
    batcher.predict(request, context).then(
      (response) => [...((response.outputs[0]?.elements ?? []) as Float32Array)],
      (error: ServingError) => error.code,
    );
  return {
    clock,
    batcher,
    instance,
    ask: (rows, context) => askWhole(requestOf(rows), contextOf(context)),
    askWhole,
  };
}
