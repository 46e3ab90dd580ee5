/**
 * A histogram with the few fixed buckets that a scraper reads.
 *
 * Prometheus adds the buckets of all servers, so its bounds must be equal everywhere and for ever;
 * percentiles of this server come from `base`'s finer histogram instead. Finding the bucket takes
 * one table look-up by the fine bucket and at most one comparison, because no fine bucket holds two
 * bounds. Bounds are inclusive, as `le` is. Invariant: merging parts gives exactly what recording
 * the whole would.
 */
import { histogramBucket, histogramBucketFrom, histogramBuckets } from "../base/index.ts";

/** The bounds of a family of histograms, with the table that finds them. */
export interface BucketBounds {
  /** Ascending; a last bucket takes what is above the last bound. */
  readonly bounds: readonly number[];
  /** The lowest bucket that a value of each fine bucket may lie in. */
  readonly lowest: Uint8Array;
}

/**
 * Prepares bounds for use.
 *
 * @param bounds ascending, in the unit that is recorded, 2% apart or more, at most 255
 * @throws RangeError when two bounds lie in one fine bucket
 */
export function bucketBounds(bounds: readonly number[]): BucketBounds {
  const lowest = new Uint8Array(histogramBuckets);
  let bucket = 0;
  for (let index = 0; index < histogramBuckets; index += 1) {
    while (bucket < bounds.length && (bounds[bucket] as number) < histogramBucketFrom(index)) {
      bucket += 1;
    }
    lowest[index] = bucket;
  }
  const places = bounds.map(histogramBucket);
  for (let index = 1; index < places.length; index += 1) {
    if ((places[index] as number) <= (places[index - 1] as number)) {
      throw new RangeError(`bounds ${bounds[index - 1]} and ${bounds[index]} are too close`);
    }
  }
  return { bounds, lowest };
}

/** What a histogram has counted, as plain values. */
export interface PlainBuckets {
  readonly counts: Float64Array;
  readonly sum: number;
}

export class BucketCounts {
  readonly bounds: BucketBounds;
  /** One count per bucket; a double counts exactly to 2^53. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: BucketBounds) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.bounds.length + 1);
  }

  /** Sum of the values, in the recorded unit. */
  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    let count = 0;
    for (const each of this.#counts) count += each;
    return count;
  }

  /** Counts one value; NaN and what is negative are taken as 0. */
  record(value: number): void {
    let taken = value;
    if (!(value > 0)) taken = 0;
    const { bounds, lowest } = this.bounds;
    let bucket = lowest[histogramBucket(taken)] as number;
    if (bucket < bounds.length && taken > (bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += taken;
  }

  /** Adds what `other` has counted. REQUIRES: both have the same bounds. */
  merge(other: BucketCounts): void {
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      this.#counts[bucket] = (this.#counts[bucket] as number) + (other.#counts[bucket] as number);
    }
    this.#sum += other.#sum;
  }

  /** A copy of what was counted. */
  plain(): PlainBuckets {
    return { counts: this.#counts.slice(), sum: this.#sum };
  }

  /** Adds a copy. REQUIRES: it was made with the same bounds. */
  addPlain({ counts, sum }: PlainBuckets): void {
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      this.#counts[bucket] = (this.#counts[bucket] as number) + (counts[bucket] ?? 0);
    }
    this.#sum += sum;
  }

  /** How many values lie in bucket `index` alone; the last index is `bounds.length`. */
  countAt(index: number): number {
    return this.#counts[index] ?? 0;
  }
}
