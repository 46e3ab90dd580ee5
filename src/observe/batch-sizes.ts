/**
 * How many items the batches of a version had, and what each size cost.
 *
 * Sizes up to 64 are counted one by one (the Open Inference Protocol's statistics list them);
 * larger ones only in the buckets of the metric. Grows to the largest size seen, at most 64
 * entries.
 */
import {
  type BucketBounds,
  BucketCounts,
  bucketBounds,
  type PlainBuckets,
} from "./bucket-counts.ts";

/** Items: powers of two to the largest request that a default server lets in. */
const itemBounds: BucketBounds = bucketBounds([
  1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096, 16_384,
]);

const exactItemsMax = 64;

/** Batches of one size. */
export interface BatchSize {
  readonly items: number;
  readonly batches: number;
  /** Time inside the engine, ms. */
  readonly runMs: number;
}

export class BatchSizes {
  readonly counts = new BucketCounts(itemBounds);
  /** By items - 1; at most 64 entries. */
  readonly #exact: { batches: number; runMs: number }[] = [];

  record(items: number, runMs: number): void {
    this.counts.record(items);
    this.#addExact({ items, batches: 1, runMs });
  }

  /** Adds what others have counted. */
  add(counts: PlainBuckets, sizes: readonly BatchSize[]): void {
    this.counts.addPlain(counts);
    for (const size of sizes) this.#addExact(size);
  }

  #addExact({ items, batches, runMs }: BatchSize): void {
    if (items < 1 || items > exactItemsMax) return;
    while (this.#exact.length < items) this.#exact.push({ batches: 0, runMs: 0 });
    const size = this.#exact[items - 1];
    if (size === undefined) return;
    size.batches += batches;
    size.runMs += runMs;
  }

  /** The sizes that occurred, ascending. */
  sizes(): readonly BatchSize[] {
    return this.#exact
      .map((size, index) => ({ items: index + 1, ...size }))
      .filter((size) => size.batches > 0);
  }
}
