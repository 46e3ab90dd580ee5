/**
 * Keeps the ratios that were reached, and says when one is lost.
 *
 * Only ratios are kept: they travel between machines, microseconds do not. A ratio that fell below
 * nine tenths of the recorded one is a regression, and so is a cost that rose as much.
 */
import type { Verdict } from "./claim.ts";

/** The recorded median by `comparison/claim`. */
export type Baseline = Readonly<Record<string, number>>;

const keptShare = 0.9;

export interface BaselineVerdict {
  readonly recorded: number;
  readonly isRegressed: boolean;
}

/** How the verdict stands against the baseline; `undefined` when there is nothing to compare. */
export function againstBaseline(
  baseline: Baseline,
  comparison: string,
  verdict: Verdict,
): BaselineVerdict | undefined {
  const recorded = baseline[`${comparison}/${verdict.claim.key}`];
  if (recorded === undefined || !isKept(verdict) || verdict.spread === undefined) return undefined;
  const { goal } = verdict.claim;
  const { median } = verdict.spread;
  const isCost = goal !== undefined && "atMost" in goal;
  const isRegressed = isCost ? median > recorded / keptShare : median < recorded * keptShare;
  return { recorded, isRegressed };
}

/** The baseline with the ratios of `verdicts` in it, keys sorted. */
export function recordInto(
  baseline: Baseline,
  comparison: string,
  verdicts: readonly Verdict[],
): Baseline {
  const next = { ...baseline };
  for (const verdict of verdicts) {
    if (!isKept(verdict) || verdict.spread === undefined) continue;
    next[`${comparison}/${verdict.claim.key}`] = Number(verdict.spread.median.toFixed(3));
  }
  return Object.fromEntries(Object.entries(next).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function isKept(verdict: Verdict): boolean {
  return verdict.claim.as === "ratio" && verdict.state !== "void";
}
