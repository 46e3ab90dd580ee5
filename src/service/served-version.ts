/**
 * A version that answers, with all that a door needs to know of it.
 *
 * Made once when the version becomes ready; only its standing changes. A door that holds one keeps
 * it alive, so a request that began on a version ends on it.
 */
import type { Instance } from "../engine/index.ts";
import type { InputChecks, ModelPackage, Signature } from "../model/index.ts";
import type { FinishedRequest, ModelMetrics } from "../observe/index.ts";
import type { InferenceRequest, Predictor, SuspectNews } from "../predict/index.ts";
import type { WatchedStanding } from "./standing/watched-standing.ts";

/** Why a version takes no more: the server stops, or the model was unloaded. */
export type CloseCode = "DRAINING" | "MODEL_NOT_READY";

export interface ServedVersion {
  readonly model: string;
  readonly version: string;
  /** 1, 2, 3 by registration. */
  readonly revision: number;
  readonly package: ModelPackage;
  /** The package's signature with what the probe found (the batch layout). */
  readonly signature: Signature;
  readonly checks: InputChecks;
  readonly predictor: Predictor;
  readonly metrics: ModelMetrics;
  /** Instances that were loaded, >= 1; what `instances: auto` came to. */
  readonly instances: number;
  /** The instances themselves, for what is told of them to other fronts. */
  readonly loaded: readonly Instance[];
  /** How long the version took from registered to ready, ms. */
  readonly loadMs: number;
  /** Unix time at which it became ready, ms. */
  readonly readyAtWallMs: number;
  /** Applied when a request names no deadline, ms. */
  readonly deadlineMsDefault: number;
  /** A request that this version answered when it was loaded, for deep health. */
  readonly sample: InferenceRequest;
  /** Whether it answers its own sample, as far as is known; the sample watch keeps it. */
  readonly standing: WatchedStanding;
  /** Tells it from every other that this server has made, of the same version too. */
  readonly serial: number;
  /** Requests that began on it and are not over. */
  held: number;
  /** True while at least one instance would run a batch and the sample is not known to fail. */
  isReady(): boolean;
  /** Another front has found something of an input that kills workers. */
  learnSuspect(news: SuspectNews): void;
  /** Answers `code` (DRAINING) to all that is left and all that comes later. */
  refuse(code?: CloseCode): void;
  /** Answers what waits, then ends the instances; after `refuse` nothing waits. */
  close(code?: CloseCode): Promise<void>;
}

/** A request begins on a version. */
export function requestBegan(served: ServedVersion): void {
  served.held += 1;
  served.metrics.requestBegan();
}

/** A request that began here meant another version. REQUIRES: as `requestDone`, in its place. */
export function requestMoved(served: ServedVersion): void {
  served.held -= 1;
  served.metrics.requestMoved();
}

/** REQUIRES: `requestBegan` was called for it, and this is its only `requestDone`. */
export function requestDone(served: ServedVersion, finished: FinishedRequest): void {
  served.held -= 1;
  served.metrics.requestDone(finished);
}
