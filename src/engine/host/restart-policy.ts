/**
 * Decides when a dead worker is replaced, and which version stays out of the new one.
 *
 * At once, so that a kill from outside costs one start and nothing else. Only a worker that dies
 * twice without a good batch between them waits: 100 ms, doubling to the limit, with jitter,
 * because then the model or the machine is at fault and starting over and over would starve its
 * neighbours. Rejected: a window of deaths per minute; it punishes a busy worker that is killed
 * from outside.
 */
import type { Random } from "../../base/index.ts";

/** Deaths of one worker since its last good batch; start with 0. */
export type DeathsInRow = number;

const firstDelayMs = 100;

/** Reloads of one version that end the process they share; then it is kept out of it. */
export const reloadDeathsMax = 2;

/**
 * True when a version may not be loaded where others run, because its loads end the process.
 *
 * It is tried in a process of its own until that stands. A version that has its worker to itself
 * harms nobody and is simply tried again.
 *
 * @param reloadDeaths loads of this version into new processes that ended them, in a row
 */
export function isKeptOut(reloadDeaths: number, hasNeighbours: boolean): boolean {
  return hasNeighbours && reloadDeaths >= reloadDeathsMax;
}

/** Doublings after which every limit is passed; keeps the power finite. */
const doublingsMax = 20;

/**
 * How long to wait before the next start, in ms; 0 is at once.
 *
 * @param deathsInRow deaths without a good batch between them, the one just seen included, >= 1
 * @param delayMsMax the longest wait (`workerBackoffMsMax`)
 */
export function restartDelayMs(
  deathsInRow: DeathsInRow,
  delayMsMax: number,
  random: Random,
): number {
  if (deathsInRow < 2) return 0;
  const doublings = Math.min(deathsInRow - 2, doublingsMax);
  const fullMs = Math.min(firstDelayMs * 2 ** doublings, delayMsMax);
  return fullMs * (0.5 + random.next() / 2);
}
