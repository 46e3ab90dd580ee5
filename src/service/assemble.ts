/**
 * What a version is made of, from the outside in.
 *
 * The one place where predictors are put together; the order is read from top to bottom. Today a
 * version is its instances behind a batcher, which also keeps deadlines, limits and suspects.
 */
import type { Clock, Limits } from "../base/index.ts";
import type { Instance } from "../engine/index.ts";
import type { ModelPackage, Signature } from "../model/index.ts";
import type { ModelMetrics } from "../observe/index.ts";
import {
  type BatchingPredictor,
  createBatchingPredictor,
  type SuspectNews,
} from "../predict/index.ts";

export interface Parts {
  readonly pack: ModelPackage;
  /** As the probe left it. */
  readonly signature: Signature;
  readonly instances: readonly Instance[];
  /** The server's limits, narrowed by the package's. */
  readonly limits: Limits;
  readonly clock: Clock;
  readonly metrics: ModelMetrics;
  readonly onSuspect: ((news: SuspectNews) => void) | undefined;
}

/** The predictor of a version. REQUIRES: at least one instance. */
export function assemble(parts: Parts): BatchingPredictor {
  const { pack, signature, instances, limits, clock, metrics, onSuspect } = parts;
  return createBatchingPredictor({
    signature,
    instances,
    rules: pack.settings.batching,
    limits,
    clock,
    observer: metrics,
    onSuspect,
  });
}
