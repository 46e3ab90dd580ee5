/**
 * The one idea: everything that answers is a `Predictor`.
 *
 * A model instance behind a batcher, a cache round it, an ensemble of several: each takes an
 * `InferenceRequest` and gives an `InferenceResponse`, and knows nothing of doors. A request is
 * checked against the signature before it gets here, so predictors trust its shapes.
 */
import type { Cancellation } from "../base/index.ts";
import type { Signature } from "../model/index.ts";
import type { Tensor } from "../tensor/index.ts";

export type ParameterValue = string | number | boolean | bigint;

export interface InferenceRequest {
  /** In signature order; `undefined` = an optional input that was not given. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Items along the first dimension; 1 for a model that cannot be batched. At least 1. */
  readonly items: number;
  /** Wanted outputs by index in `signature.outputs`; `undefined` = all. */
  readonly outputs: readonly number[] | undefined;
  /** Parameters for the model; requests with different ones never share a batch. */
  readonly parameters: ReadonlyMap<string, ParameterValue> | undefined;
}

export interface InferenceResponse {
  /** The wanted outputs in the order asked. */
  readonly outputs: readonly Tensor[];
}

/** Where the time of a request went; instants are of the passed-in clock, in ms. */
export interface StageTimes {
  arrivedAtMs: number;
  /** Body read and decoded. */
  decodedAtMs: number;
  /** The batch of this request left the queue. */
  sentAtMs: number;
  /** The batch came back. */
  answeredAtMs: number;
  /** Time inside the engine, ms. */
  runMs: number;
  /** Items of the batch this request ran in. */
  batchItems: number;
}

export interface RequestContext {
  readonly requestId: string;
  /** Instant after which nobody waits, in ms of the passed-in clock. */
  readonly deadlineAtMs: number;
  /** 1 is the most urgent; 0 is the default class. */
  readonly priority: number;
  /** Ends the request early: the caller left or the deadline passed. */
  readonly cancellation: Cancellation;
  readonly times: StageTimes;
}

export interface Predictor {
  readonly signature: Signature;
  predict(request: InferenceRequest, context: RequestContext): Promise<InferenceResponse>;
}
