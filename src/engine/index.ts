/** Floor 2: what executes an artifact. */
export type {
  ArtifactSpec,
  Batch,
  BatchPart,
  BatchResult,
  Engine,
  Instance,
  InstanceSeat,
} from "./engine.ts";
export {
  createProcessEngine,
  type Death,
  type LoadOptions,
  type ProbeOutcome,
  type ProcessEngine,
  type ProcessEngineOptions,
  restartDelayMs,
  TrialMemory,
  type TrialOutcome,
  type WorkerEvent,
} from "./host/index.ts";
export { createInlineEngine } from "./inline.ts";
export { type InstanceState, LinkedWorkers, type WorkerEnd } from "./link/index.ts";
export { engineVersion } from "./onnx/index.ts";
export { OutsideKill } from "./outside-kill.ts";
