/** Floor 2: what executes an artifact. */
export type {
  ArtifactSpec,
  Batch,
  BatchPart,
  BatchResult,
  Engine,
  Instance,
} from "./engine.ts";
export {
  createProcessEngine,
  type LoadOptions,
  type ProcessEngine,
  type ProcessEngineOptions,
  type WorkerEvent,
} from "./host/index.ts";
export { createInlineEngine } from "./inline.ts";
