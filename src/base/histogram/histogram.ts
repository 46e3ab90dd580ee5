/**
 * Counts of positive values in log-linear buckets, after HdrHistogram's idea.
 *
 * An octave (a value and its double) is cut into 64 equal buckets, so a value read back is at most
 * 1/128 = 0.8% off. The bucket is read from the bits of the number (its exponent and the first six
 * bits of its fraction): no logarithm, no loop, a few ns. 30 octaves cover 2^-10 to 2^20, which in
 * milliseconds is 1 us to 17 minutes; what lies outside is counted in the first or last bucket,
 * while `min`, `max` and `mean` stay exact.
 * Rejected: a t-digest (merging depends on the order, recording costs ten times as much).
 * Invariants: merging parts gives exactly what recording the whole would; a bucket stops at 2^32-1.
 */

const octaveBuckets = 64;
const lowestExponent = -10;
const octaves = 30;
const bucketCount = octaves * octaveBuckets;
const countMax = 0xffff_ffff;
/** Bits of a double's high word that lie right of the exponent and the first six fraction bits. */
const shift = 20 - 6;
/** What the shifted high word of 2^lowestExponent is. */
const base = (1023 + lowestExponent) * octaveBuckets;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Which of the two words holds sign and exponent: 1 on little-endian machines. */
float[0] = -0;
const highWord = words[1] === 0x8000_0000 ? 1 : 0;

/** The number of buckets of every histogram. */
export const histogramBuckets = bucketCount;

/** The bucket of `value`, 0 to `histogramBuckets - 1`; NaN and what is negative count as 0. */
export function histogramBucket(value: number): number {
  if (!(value > 0)) return 0;
  float[0] = value;
  const index = ((words[highWord] as number) >>> shift) - base;
  if (index < 0) return 0;
  return index < bucketCount ? index : bucketCount - 1;
}

/** The smallest value of bucket `index`; that of `histogramBuckets` is the end of the range. */
export function histogramBucketFrom(index: number): number {
  const octave = Math.floor(index / octaveBuckets);
  const part = index % octaveBuckets;
  return 2 ** (lowestExponent + octave) * (1 + part / octaveBuckets);
}

/** What a histogram holds, as plain values. */
export interface HistogramCounts {
  readonly counts: Uint32Array;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** A histogram; the unit is the caller's (Millrace records ms). 7.5 KiB. */
export class Histogram {
  readonly #counts = new Uint32Array(bucketCount);
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** Exact; 0 when empty. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  /** Exact; 0 when empty. */
  get max(): number {
    return this.#max;
  }

  /** Exact but for rounding; 0 when empty. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Counts one value; NaN and what is negative are taken as 0. */
  record(value: number): void {
    let taken = value;
    if (!(value > 0)) taken = 0;
    const index = histogramBucket(taken);
    const count = this.#counts[index] as number;
    if (count < countMax) this.#counts[index] = count + 1;
    this.#count += 1;
    this.#sum += taken;
    if (taken < this.#min) this.#min = taken;
    if (taken > this.#max) this.#max = taken;
  }

  /**
   * The value at rank `ceil(share * count)`, within 0.8% and between `min` and `max`.
   *
   * @param share 0 to 1: 0.99 is p99
   * @returns 0 when empty
   */
  percentile(share: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    if (rank >= this.#count) return this.#max;
    let seen = 0;
    for (let index = 0; index < bucketCount; index += 1) {
      seen += this.#counts[index] as number;
      if (seen >= rank) return this.#middle(index);
    }
    return this.#max;
  }

  /** Adds what `other` has counted; `other` keeps it. */
  merge(other: Histogram): void {
    for (let index = 0; index < bucketCount; index += 1) {
      const sum = (this.#counts[index] as number) + (other.#counts[index] as number);
      this.#counts[index] = Math.min(sum, countMax);
    }
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** A copy of what it holds. */
  plain(): HistogramCounts {
    const counts = this.#counts.slice();
    return { counts, count: this.#count, sum: this.#sum, min: this.#min, max: this.#max };
  }

  /** A histogram of a copy. */
  static fromPlain({ counts, count, sum, min, max }: HistogramCounts): Histogram {
    const made = new Histogram();
    made.#counts.set(counts);
    made.#count = count;
    made.#sum = sum;
    made.#min = min;
    made.#max = max;
    return made;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = 0;
  }

  /** How many values lie in bucket `index`; its range is given by `histogramBucketFrom`. */
  countAt(index: number): number {
    return this.#counts[index] ?? 0;
  }

  #middle(index: number): number {
    const middle = (histogramBucketFrom(index) + histogramBucketFrom(index + 1)) / 2;
    return Math.min(Math.max(middle, this.#min), this.#max);
  }
}
