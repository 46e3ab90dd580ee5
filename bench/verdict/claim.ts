/**
 * Judges a claim ("at least 1.25 x the constant") by the rounds.
 *
 * A ratio is taken within a round, because neighbours in time share the machine's mood, and the
 * median of the rounds stands for it. A claim is void when the generator had more than 85 % of a
 * core, because the generator was then measured; undecided when the goal, or no difference at all,
 * lies inside the spread; a goal for `every round` is judged by the worst one. Pure functions.
 */
import type { Metric, Rounds, Sample } from "../sample.ts";
import { liesWithin, type Spread, spreadOf } from "./spread.ts";

export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export interface Claim {
  /** Stays the same for ever: the baseline is kept by it. */
  readonly key: string;
  readonly title: string;
  readonly metric: Metric;
  /** The side that the claim is about. */
  readonly of: string;
  /** The side it is compared with; needed by `ratio` and `difference`. */
  readonly to?: string;
  readonly as: "ratio" | "difference" | "value";
  /** Without a goal the figure is only shown. */
  readonly goal?: Goal;
  /** True: the goal must hold in the worst round and not only at the median. */
  readonly isForEveryRound?: boolean;
}

export type VerdictState = "pass" | "fail" | "shown" | "void" | "not measured";

export interface Verdict {
  readonly claim: Claim;
  readonly state: VerdictState;
  readonly spread: Spread | undefined;
  /** One a round. */
  readonly values: readonly number[];
  /** Why the figure decides nothing; empty when it does. */
  readonly undecided: readonly string[];
}

/** Above this share of a core the generator is what was measured (decision 21). */
export const generatorShareMax = 0.85;

export function judge(claim: Claim, rounds: Rounds): Verdict {
  const own = rounds.get(claim.of) ?? [];
  const other = claim.as === "value" ? own : (rounds.get(claim.to ?? "") ?? []);
  const values = own.flatMap((sample, index) => figureOf(claim, sample, other[index] ?? {}));
  if (values.length === 0) {
    return { claim, state: "not measured", spread: undefined, values, undecided: [] };
  }
  const spread = spreadOf(values);
  const isVoid = isSaturated(own) || isSaturated(other);
  const state = isVoid ? "void" : stateOf(claim, spread);
  return { claim, state, spread, values, undecided: doubts(claim, spread) };
}

function figureOf(claim: Claim, own: Sample, other: Sample): number[] {
  const [mine, theirs] = [own[claim.metric], other[claim.metric]];
  if (mine === undefined || theirs === undefined) return [];
  if (claim.as === "value") return [mine];
  if (claim.as === "difference") return [mine - theirs];
  return theirs === 0 ? [] : [mine / theirs];
}

function isSaturated(samples: readonly Sample[]): boolean {
  const shares = samples.flatMap((each) => each.generatorShare ?? []);
  return shares.length > 0 && spreadOf(shares).median > generatorShareMax;
}

function stateOf(claim: Claim, spread: Spread): VerdictState {
  const { goal } = claim;
  if (goal === undefined) return "shown";
  const isWorst = claim.isForEveryRound === true;
  if ("atLeast" in goal) {
    return (isWorst ? spread.min : spread.median) >= goal.atLeast ? "pass" : "fail";
  }
  return (isWorst ? spread.max : spread.median) <= goal.atMost ? "pass" : "fail";
}

function doubts(claim: Claim, spread: Spread): string[] {
  if (claim.isForEveryRound === true) return [];
  const found: string[] = [];
  const limit = limitOf(claim.goal);
  if (limit !== undefined && spread.min < spread.max && liesWithin(spread, limit)) {
    found.push("the goal lies in the spread");
  }
  const even = claim.as === "ratio" ? 1 : 0;
  if (claim.as !== "value" && liesWithin(spread, even)) {
    found.push(`${claim.as === "ratio" ? "1.0" : "0"} lies in the spread`);
  }
  return found;
}

function limitOf(goal: Goal | undefined): number | undefined {
  if (goal === undefined) return undefined;
  return "atLeast" in goal ? goal.atLeast : goal.atMost;
}
