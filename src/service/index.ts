/** Floor 5: the protocol-neutral use cases. */
export { type BookedRequest, Books, type RequestEnd } from "./books.ts";
export {
  type Control,
  controlOf,
  type LoadAsk,
  type UnloadAsk,
} from "./control/control.ts";
export { ModelControl } from "./control/model-control.ts";
export { retire } from "./control/retire.ts";
export { type AdoptOptions, adoptVersions } from "./fronts/adopt.ts";
export {
  type InstanceSeed,
  instanceState,
  type RegistrySeed,
  registrySeed,
} from "./fronts/seeds.ts";
export {
  type FrontPlace,
  indivisible,
  onlyFront,
  shareOfLimits,
} from "./fronts/share-limits.ts";
export type { FiguresAsk, GatherFigures, Usage, WholeFigures } from "./fronts/whole.ts";
export {
  isModelReady,
  isVersionReady,
  type ServerHealth,
  type ServerPhase,
  wasUnloaded,
} from "./health.ts";
export {
  type LoadModelsOptions,
  type LoadProgress,
  loadModels,
} from "./load-models.ts";
export type { LoaderOptions, Trial } from "./load-version.ts";
export {
  type FormedInference,
  filePrefix,
  formInference,
  type IndexEntry,
  type InferenceTerms,
  type Inferred,
  inferTensors,
  isReadyNow,
  type LoadParameters,
  loadSettings,
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
} from "./oip/index.ts";
export {
  requestBegan,
  requestDone,
  requestMoved,
  type ServedVersion,
} from "./served-version.ts";
export { Service, type ServiceOptions } from "./service.ts";
export {
  type Answer,
  bestClass,
  makeAnswer,
  perItem,
  predictionOf,
  scoresOf,
} from "./simple/answer.ts";
export { type FeatureInput, makeSimplePlan, type SimplePlan } from "./simple/plan.ts";
export { inferNumbers, inferTexts, type NumberRows, type TextRows } from "./simple/rows.ts";
export { type ShownPlan, shownPlan } from "./simple/shown.ts";
export { SampleWatch, type WatchSubject } from "./standing/sample-watch.ts";
export { sound } from "./standing/standing.ts";
export { type KeptStream, KeptStreams } from "./streams/kept-streams.ts";
export { type OpenStream, OpenStreams } from "./streams/open-streams.ts";
export { type FlowPlace, type FlowSink, StreamFlow } from "./streams/stream-flow.ts";
export { type SliceAnswer, streamRows } from "./streams/stream-rows.ts";
export {
  checkSignature,
  classLabel,
  classScores,
  type ExamplesOutput,
  findTfs,
  numberOf,
  regressionNumbers,
  servingDefault,
  type TfsChoice,
  type TfsStatus,
  type TfsTarget,
  tfsModelSpec,
  tfsSignatures,
  tfsStatus,
  tfsTarget,
  tfsTypes,
} from "./tfs/index.ts";
export { createTrial, type TrialOptions } from "./trial.ts";
