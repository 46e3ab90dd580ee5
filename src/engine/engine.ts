/**
 * The port behind which a model runs.
 *
 * An engine knows tensors and nothing of requests, HTTP or versions. `load` gives an instance; an
 * instance runs one batch at a time or several, as `runsMax` says. Implementations: `host/` (a
 * child process, the default) and `inline.ts` (this process; tests and the smallest models).
 * Suite: `test/conformance/engine.ts`.
 */
import type { Dtype, Tensor } from "../tensor/index.ts";

/** What the engine is told about a version. All paths are absolute and were validated before. */
export interface ArtifactSpec {
  readonly kind: "onnx";
  /** The file that is loaded, by path (a rewritten copy where the original needs one). */
  readonly path: string;
  /** SHA-256 of the package, hex. */
  readonly digest: string;
  /** Input and output names in signature order. */
  readonly inputs: readonly { readonly name: string; readonly dtype: Dtype }[];
  readonly outputs: readonly { readonly name: string; readonly dtype: Dtype }[];
  /** Intra-op threads of one run, >= 1. */
  readonly threads: number;
}

/** One request's share of a batch: tensors in signature order; `undefined` = not given. */
export interface BatchPart {
  readonly inputs: readonly (Tensor | undefined)[];
}

export interface Batch {
  /** Joined along the first dimension when there are several. At least one. */
  readonly parts: readonly BatchPart[];
  /** Wanted outputs by index in the artifact's `outputs`; `undefined` = all, in that order. */
  readonly outputs: readonly number[] | undefined;
  /** The run is killed after this many ms. */
  readonly wallMsMax: number;
}

export interface BatchResult {
  /** The wanted outputs in the order asked; each covers the items of all parts. */
  readonly outputs: readonly Tensor[];
  /** Time inside the engine, ms. */
  readonly runMs: number;
}

/** Where an instance of a child process is, for the other fronts that send it batches. */
export interface InstanceSeat {
  /** The number of its worker; 0 = it has none just now. */
  readonly worker: number;
  /** The number of the instance in that worker. */
  readonly member: number;
}

export interface Instance {
  /** How many batches may be under way at once; more than one lets the next be sent ahead. */
  readonly runsMax: number;
  /** True while a run would be accepted. */
  readonly isReady: boolean;
  /** Ms until it is next tried to make it ready; 0 while it is, or a try is under way. */
  readonly startsInMs: number;
  /** Why it cannot be made ready, in words for the operator; "" while that is not known. */
  readonly problem?: string;
  /** `undefined` for one that other fronts cannot reach. */
  readonly seat?: InstanceSeat;
  /** How often its process was started again after a death. */
  readonly restarts: number;
  /** Resident memory of the process that runs it, byte; 0 when it is this one. */
  readonly memoryBytes: number;
  /**
   * Runs one batch.
   *
   * @throws INPUT_REJECTED_BY_MODEL the engine refused the input (cause: its text)
   * @throws MODEL_OUTPUT_INVALID, MEMORY_EXHAUSTED this batch cannot be answered; a smaller may
   * @throws WORKER_LOST, ENGINE_TIMEOUT the process died or was killed; the batch is lost
   *   (cause: an `OutsideKill` when somebody else killed it)
   * @throws MODEL_NOT_READY not loaded, restarting or closed
   */
  run(batch: Batch): Promise<BatchResult>;
  /** Calls `act` each time `isReady` changes, and when the next try is put off. */
  onReadyChange(act: () => void): void;
  /** Ends the instance; runs under way fail with MODEL_NOT_READY. Safe to call twice. */
  close(): Promise<void>;
}

export interface Engine {
  /**
   * Loads an artifact; settles when the instance has answered its self-test.
   * @throws MODEL_LOAD_FAILED with a sentence that says what to do
   */
  load(artifact: ArtifactSpec): Promise<Instance>;
  close(): Promise<void>;
}
