/**
 * What the simple dialect keeps ready for one version: its plan, its limits, its reply's names.
 *
 * Made on the first request of a version and dropped with it.
 */
import type { InputSpec } from "../../../model/index.ts";
import { type ServedVersion, type ShownPlan, shownPlan } from "../../../service/index.ts";
import type { DecodeLimits } from "./decode.ts";
import { replyNames } from "./reply.ts";

export interface SimpleServing extends ShownPlan {
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
  const { elementsMax, stringElementBytesMax, requestItemsMax } = served.checks.limits;
  return {
    ...shownPlan(served),
    names: replyNames(served.model, served.version),
    limits: { elementsMax, stringElementBytesMax, requestItemsMax, jsonDepthMax },
    stepped: served.signature.inputs
      .map((spec, index) => ({ index, spec }))
      .filter(({ spec }) => spec.steps.length > 0),
  };
}
