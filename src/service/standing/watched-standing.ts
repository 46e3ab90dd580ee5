/**
 * The standing of a version in a server of one or several fronts.
 *
 * Each front judges by what it has seen; what any of them has found holds for all, so that
 * readiness is the same whichever front is asked.
 */
import type { Standing } from "./standing.ts";

/** The standing of a version as one front has it. */
export interface WatchedStanding {
  /** By what this front has seen. */
  now: Standing;
  /** Another front of this server has found that its sample fails. */
  isFailingElsewhere: boolean;
}

/** True when any front has found that the sample fails. */
export function isFailing({ now, isFailingElsewhere }: WatchedStanding): boolean {
  return now.isFailing || isFailingElsewhere;
}
