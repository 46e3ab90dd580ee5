/**
 * Median and spread of a few rounds.
 *
 * Seven rounds on a machine that others use too are not a normal distribution, so nothing finer
 * than the median, the least and the most is said about them.
 */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError when there is no value */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError("no values to spread");
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1] ?? min, sorted[Math.floor(half)] ?? max];
  return { median: (low + high) / 2, min, max };
}

/** Whether `value` lies between the least and the most, ends included. */
export function liesWithin(spread: Spread, value: number): boolean {
  return spread.min <= value && value <= spread.max;
}
