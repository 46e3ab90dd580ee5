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
  type ProbeOutcome,
  type ProcessEngine,
  type ProcessEngineOptions,
  TrialMemory,
  type TrialOutcome,
  type WorkerEvent,
} from "./host/index.ts";
export { createInlineEngine } from "./inline.ts";
export { engineVersion } from "./onnx/index.ts";
export { OutsideKill } from "./outside-kill.ts";
