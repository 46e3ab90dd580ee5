/**
 * What the simple dialect keeps ready for one version: its plan, its limits, its reply's names.
 *
 * Made on the first request of a version and dropped with it.
 */
import type { InputSpec } from "../../../model/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import type { DecodeLimits } from "./decode.ts";
import { makeSimplePlan, type SimplePlan } from "./plan.ts";
import { replyNames } from "./reply.ts";

export interface SimpleServing {
  readonly plan: SimplePlan;
  /** The plan with the places that prediction and scores have among the wanted outputs. */
  readonly answerPlan: SimplePlan;
  /** Only what the dialect shows; `undefined` = all outputs. */
  readonly wanted: readonly number[] | undefined;
  readonly names: string;
  readonly limits: DecodeLimits;
  /** The inputs whose text goes through declared steps. */
  readonly stepped: readonly { readonly index: number; readonly spec: InputSpec }[];
}

/** One entry for each version that is served; an entry goes with its version. */
const kept = new WeakMap<ServedVersion, SimpleServing>();

export function simpleServing(served: ServedVersion, jsonDepthMax: number): SimpleServing {
  const known = kept.get(served);
  if (known !== undefined) return known;
  const made = make(served, jsonDepthMax);
  kept.set(served, made);
  return made;
}

function make(served: ServedVersion, jsonDepthMax: number): SimpleServing {
  const plan = makeSimplePlan(served.signature);
  const shown = [plan.prediction, plan.probability].filter((index) => index !== -1);
  const isAll = shown.length === served.signature.outputs.length;
  const wanted = isAll ? undefined : shown;
  const place = (index: number): number => (wanted === undefined ? index : wanted.indexOf(index));
  const { elementsMax, stringElementBytesMax, requestItemsMax } = served.checks.limits;
  return {
    plan,
    answerPlan: {
      ...plan,
      prediction: place(plan.prediction),
      probability: place(plan.probability),
    },
    wanted,
    names: replyNames(served.model, served.version),
    limits: { elementsMax, stringElementBytesMax, requestItemsMax, jsonDepthMax },
    stepped: served.signature.inputs
      .map((spec, index) => ({ index, spec }))
      .filter(({ spec }) => spec.steps.length > 0),
  };
}
