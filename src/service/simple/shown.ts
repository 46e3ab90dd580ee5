/**
 * Which outputs of a version the simple dialect shows, worked out once for each version.
 */
import type { ServedVersion } from "../served-version.ts";
import { makeSimplePlan, type SimplePlan } from "./plan.ts";

export interface ShownPlan {
  readonly plan: SimplePlan;
  /** The plan with the places that prediction and scores have among the wanted outputs. */
  readonly answerPlan: SimplePlan;
  /** Only what the dialect shows; `undefined` = all outputs. */
  readonly wanted: readonly number[] | undefined;
}

/** One entry for each version that is served; an entry goes with its version. */
const kept = new WeakMap<ServedVersion, ShownPlan>();

export function shownPlan(served: ServedVersion): ShownPlan {
  const known = kept.get(served);
  if (known !== undefined) return known;
  const made = make(served);
  kept.set(served, made);
  return made;
}

function make(served: ServedVersion): ShownPlan {
  const plan = makeSimplePlan(served.signature);
  const shown = [plan.prediction, plan.probability].filter((index) => index !== -1);
  const isAll = shown.length === served.signature.outputs.length;
  const wanted = isAll ? undefined : shown;
  const place = (index: number): number => (wanted === undefined ? index : wanted.indexOf(index));
  const answerPlan = {
    ...plan,
    prediction: place(plan.prediction),
    probability: place(plan.probability),
  };
  return { plan, answerPlan, wanted };
}
