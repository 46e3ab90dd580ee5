/** Floor 5: the protocol-neutral use cases. */
export { isModelReady, isVersionReady, type ServerHealth, type ServerPhase } from "./health.ts";
export {
  type LoadModelsOptions,
  type LoadProgress,
  loadModels,
  type PackageOverrides,
} from "./load-models.ts";
export type { LoaderOptions, Trial } from "./load-version.ts";
export type { ServedVersion } from "./served-version.ts";
export { Service, type ServiceOptions } from "./service.ts";
export { SampleWatch, type WatchSubject } from "./standing/sample-watch.ts";
export { sound } from "./standing/standing.ts";
export { type KeptStream, KeptStreams } from "./streams/kept-streams.ts";
export { type OpenStream, OpenStreams } from "./streams/open-streams.ts";
export { type FlowPlace, type FlowSink, StreamFlow } from "./streams/stream-flow.ts";
export { type SliceAnswer, streamRows } from "./streams/stream-rows.ts";
export { createTrial, type TrialOptions } from "./trial.ts";
