/** The parent's side of the workers. */
export type { Death } from "./death.ts";
export {
  createProcessEngine,
  type LoadOptions,
  type ProcessEngine,
  type ProcessEngineOptions,
  type WorkerEvent,
} from "./process-engine.ts";
export { restartDelayMs } from "./restart-policy.ts";
export type { ProbeOutcome, TrialOutcome } from "./trial.ts";
export { TrialMemory } from "./trial-memory.ts";
