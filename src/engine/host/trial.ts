/**
 * The first load of an artifact that nobody has run here before: in a process that is thrown away.
 *
 * What an artifact does to its process is told as it is: refused, died, hung, answered. Whether
 * that refuses the version is decided by the caller, because an error on a made-up input is a
 * warning while a death is not. The process runs at a lower priority, so that neighbours keep their
 * latency.
 */
import { setPriority } from "node:os";
import { ServingError } from "../../base/index.ts";
import type { ArtifactSpec, Batch, BatchResult } from "../engine.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What became of one probe. */
export type ProbeOutcome =
  | { readonly kind: "answered"; readonly result: BatchResult }
  | { readonly kind: "refused"; readonly error: ServingError }
  /** The process died, hung or grew too large; later probes were not run. */
  | { readonly kind: "died"; readonly error: ServingError };

export interface TrialOutcome {
  /** MODEL_LOAD_FAILED, or `undefined` when it loaded. */
  readonly refusal: ServingError | undefined;
  /** One for each probe that was run, in order. */
  readonly probes: readonly ProbeOutcome[];
  /** Resident memory of the process after the last probe, byte. */
  readonly memoryBytes: number;
}

const priority = 10;

/** Loads and probes an artifact in `worker`, which is ended afterwards. Never rejects. */
export async function tryArtifact(
  worker: WorkerProcess,
  artifact: ArtifactSpec,
  options: { readonly probes: readonly Batch[]; readonly loadMsMax: number },
): Promise<TrialOutcome> {
  lowerPriority(worker.pid);
  try {
    await worker.load(1, artifact, options.loadMsMax);
    const probes = await runProbes(worker, options.probes);
    return { refusal: undefined, probes, memoryBytes: worker.measureMemory() };
  } catch (thrown) {
    return { refusal: asRefusal(thrown), probes: [], memoryBytes: worker.memoryBytes };
  } finally {
    worker.kill("closed");
  }
}

async function runProbes(
  worker: WorkerProcess,
  batches: readonly Batch[],
): Promise<ProbeOutcome[]> {
  const outcomes: ProbeOutcome[] = [];
  for (const batch of batches) {
    const outcome = await runProbe(worker, batch);
    outcomes.push(outcome);
    if (outcome.kind === "died") break;
  }
  return outcomes;
}

async function runProbe(worker: WorkerProcess, batch: Batch): Promise<ProbeOutcome> {
  try {
    return { kind: "answered", result: await worker.run(1, batch) };
  } catch (thrown) {
    const error = ServingError.from(thrown);
    const isDeath = error.code === "WORKER_LOST" || error.code === "ENGINE_TIMEOUT";
    return { kind: isDeath ? "died" : "refused", error };
  }
}

function asRefusal(thrown: unknown): ServingError {
  const error = ServingError.from(thrown);
  if (error.code === "MODEL_LOAD_FAILED") return error;
  const message = "the model cannot be loaded: the trial worker did not start";
  return new ServingError("MODEL_LOAD_FAILED", message, { cause: error.cause ?? error });
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, priority);
  } catch {
    // The process is gone already, or the system forbids it: a trial at full priority is no harm.
  }
}
