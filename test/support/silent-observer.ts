/**
 * An observer of a batcher that tells nobody.
 */
import type { BatchingObserver } from "../../src/predict/index.ts";

function ignore(): void {}

export const silentObserver: BatchingObserver = {
  batchSent: ignore,
  batchDone: ignore,
  queueChanged: ignore,
  limitHit: ignore,
  endedEarly: ignore,
  batchRetried: ignore,
  workerDied: ignore,
  suspectsChanged: ignore,
};
