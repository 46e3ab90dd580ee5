/** Floor 5: the protocol-neutral use cases. */
export { type BookedRequest, Books, type RequestEnd } from "./books.ts";
export { isModelReady, isVersionReady, type ServerHealth, type ServerPhase } from "./health.ts";
export {
  type LoadModelsOptions,
  type LoadProgress,
  loadModels,
  type PackageOverrides,
} from "./load-models.ts";
export type { LoaderOptions, Trial } from "./load-version.ts";
export {
  controlRefused,
  type IndexEntry,
  type InferenceTerms,
  type Inferred,
  inferTensors,
  isReadyNow,
  modelConfig,
  modelMetadata,
  modelStatistics,
  notOffered,
  oipExtensions,
  type ReadInference,
  repositoryIndex,
  type ShownOutput,
  servedOf,
  shownOutput,
  type WallOfClock,
} from "./oip/index.ts";
export type { ServedVersion } from "./served-version.ts";
export { Service, type ServiceOptions } from "./service.ts";
export { createTrial, type TrialOptions } from "./trial.ts";
