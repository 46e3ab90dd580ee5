/**
 * Decides whether a version that answers errors only is at fault, and when that is looked into.
 *
 *   sound --5 failures in a row--> doubted --its sample fails too--> failing
 *     ^                              |                                  |
 *     '---- its sample is answered --'<---- so it is, or a request is --'
 *
 * What callers send may be the cause of any number of failures, so failures alone say nothing: the
 * version's own sample, which it has answered before, does. A version that fails is not ready, is
 * probed again with a growing pause, and still gets requests, because one answer clears it.
 * Rejected: readiness by the time of the last answer; it would end an idle server. Invariant: a
 * failure that a probe has explained counts for no second probe.
 */
import type { ErrorCode } from "../../base/index.ts";
import { modelFaults } from "../../observe/index.ts";

export interface Standing {
  /** Its own sample fails. */
  readonly isFailing: boolean;
  /** The row of failures as it was last seen. */
  readonly seenFailures: number;
  /** Those of the row that came before a probe that was answered. */
  readonly explainedFailures: number;
  /** Probes in a row that failed. */
  readonly failedProbes: number;
  /** Not probed before this instant, ms. */
  readonly probeAtMs: number;
}

/** What a run of the sample says of the version; `unknown`: it had no chance to run. */
export type ProbeEnd = "answered" | "failed" | "unknown";

/** Failures in a row that make a version doubtful. */
export const doubtFailuresMin = 5;

const pauseMsMin = 1_000;
const pauseMsMax = 30_000;
/** Doublings after which the longest pause is passed; keeps the power finite. */
const doublingsMax = 20;

/** A version of which nothing bad is known. */
export const sound: Standing = Object.freeze({
  isFailing: false,
  seenFailures: 0,
  explainedFailures: 0,
  failedProbes: 0,
  probeAtMs: 0,
});

/** The standing now that `failuresInRow` is seen; a shorter row means that it has answered. */
export function afterLook(standing: Standing, failuresInRow: number): Standing {
  const isShorter = failuresInRow < standing.seenFailures;
  return { ...(isShorter ? sound : standing), seenFailures: failuresInRow };
}

/** True when the sample is to be run now. */
export function isProbeDue(standing: Standing, nowMs: number): boolean {
  if (nowMs < standing.probeAtMs) return false;
  const { isFailing, seenFailures, explainedFailures } = standing;
  return isFailing || seenFailures - explainedFailures >= doubtFailuresMin;
}

/** The standing after a probe that ended at `nowMs`. */
export function afterProbe(standing: Standing, end: ProbeEnd, nowMs: number): Standing {
  if (end === "unknown") return { ...standing, probeAtMs: nowMs + pauseMsMin };
  const { seenFailures, failedProbes } = standing;
  if (end === "answered") {
    const probeAtMs = nowMs + pauseMsMin;
    return { ...sound, seenFailures, explainedFailures: seenFailures, probeAtMs };
  }
  const pauseMs = Math.min(pauseMsMin * 2 ** Math.min(failedProbes, doublingsMax), pauseMsMax);
  const probeAtMs = nowMs + pauseMs;
  return { ...standing, isFailing: true, failedProbes: failedProbes + 1, probeAtMs };
}

/**
 * What a refusal of the sample means.
 *
 * @param isProven the version has answered this sample before; made-up inputs may be refused
 */
export function endOfRefusal(code: ErrorCode, isProven: boolean): ProbeEnd {
  if (modelFaults.has(code) || code === "INPUT_QUARANTINED") return "failed";
  if (code === "INPUT_REJECTED_BY_MODEL") return isProven ? "failed" : "answered";
  return "unknown";
}
