/** Floor 3: the predictor, and the batcher that makes one of instances. */
export {
  type BatchingLimits,
  type BatchingOptions,
  type BatchingPredictor,
  createBatchingPredictor,
} from "./batching/batcher.ts";
export type { BatchingRules } from "./batching/intake.ts";
export type { BatchFigures, BatchingObserver, EarlyEnd } from "./observer.ts";
export type {
  InferenceRequest,
  InferenceResponse,
  ParameterValue,
  Predictor,
  RequestContext,
  StageTimes,
} from "./predictor.ts";
export type { SuspectNews } from "./suspects/suspects.ts";
