/**
 * Decides when a second copy of a slow request is sent.
 *
 * Once, after the p95 of recent calls: about one call in twenty is doubled, and the slowest ones
 * end with the faster of two. Not before `samplesMin` calls are known, because a p95 of five
 * calls is their maximum.
 */

/** Calls that must have been seen before the first hedge. */
export const samplesMin = 20;
const samplesMax = 256;
const hedgeShare = 0.95;

/** @returns ms after which the copy is sent, or `undefined` while too few calls are known */
export function hedgeDelayMs(recentMs: readonly number[]): number | undefined {
  if (recentMs.length < samplesMin) return undefined;
  const sorted = [...recentMs].sort((a, b) => a - b);
  return sorted[Math.ceil(hedgeShare * sorted.length) - 1];
}

/** Durations of the latest calls that were answered, at most 256 of them, ms. */
export class RecentDurations {
  #durations: number[] = [];
  #next = 0;

  add(durationMs: number): void {
    this.#durations[this.#next] = durationMs;
    this.#next = (this.#next + 1) % samplesMax;
  }

  get all(): readonly number[] {
    return this.#durations;
  }
}
