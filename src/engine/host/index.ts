/** The parent's side of the workers. */
export {
  createProcessEngine,
  type LoadOptions,
  type ProcessEngine,
  type ProcessEngineOptions,
  type WorkerEvent,
} from "./process-engine.ts";
export type { ProbeOutcome, TrialOutcome } from "./trial.ts";
export { TrialMemory } from "./trial-memory.ts";
