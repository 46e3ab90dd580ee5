/** The parent's side of the workers. */
export {
  createProcessEngine,
  type LoadOptions,
  type ProcessEngine,
  type ProcessEngineOptions,
  type WorkerEvent,
} from "./process-engine.ts";
