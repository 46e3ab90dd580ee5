/**
 * The first load of a digest: in a process that is thrown away, before anything that serves sees
 * it.
 *
 * The made-up smallest inputs are run there. An error is no matter (not every model takes made-up
 * inputs); a death or a hang refuses the version. What passed is remembered with the engine's
 * version, so a restart goes straight to work.
 */
import { type Limits, ServingError } from "../base/index.ts";
import { type ProcessEngine, TrialMemory } from "../engine/index.ts";
import { artifactOf, type Trial } from "./load-version.ts";
import { madeUpInputs } from "./made-up-inputs.ts";

export interface TrialOptions {
  readonly engine: ProcessEngine;
  /** Absolute path of the file that remembers what passed. */
  readonly memoryPath: string;
  readonly limits: Pick<Limits, "batchWallMsMax">;
}

/** Opens the memory and gives the trial. */
export async function createTrial(options: TrialOptions): Promise<Trial> {
  const { engine, limits, memoryPath } = options;
  const memory = await TrialMemory.open(memoryPath);
  return {
    async tryOnce(pack) {
      if (memory.hasPassed(pack.digest)) return;
      const { signature } = pack;
      const items = signature.layout.kind === "fixed" ? signature.layout.items : 1;
      const inputs = madeUpInputs(signature, { items, seed: 1 });
      const batch = { parts: [{ inputs }], outputs: undefined, wallMsMax: limits.batchWallMsMax };
      const { refusal, probes } = await engine.tryOut(artifactOf(pack), [batch]);
      if (refusal !== undefined) throw refusal;
      const death = probes.find((probe) => probe.kind === "died");
      if (death?.kind === "died") throw deadly(death.error);
      await memory.notePassed(pack.digest);
    },
  };
}

function deadly(error: ServingError): ServingError {
  const how = error.code === "ENGINE_TIMEOUT" ? "does not come back from" : "kills its process on";
  const message = `the model ${how} the smallest legal input`;
  const { limit } = error;
  const options = limit === undefined ? { cause: error } : { cause: error, limit };
  return new ServingError("MODEL_LOAD_FAILED", message, options);
}
