/**
 * What the TensorFlow Serving dialect keeps ready for one version: its plan and its limits.
 *
 * It differs from the simple dialect in one thing: a row is what stacks to a tensor, also for a
 * model that takes a request as a whole, because that server always adds the first dimension.
 */
import { makeSimplePlan, type ServedVersion } from "../../../service/index.ts";
import type { DecodeLimits } from "../simple/decode.ts";
import type { RowServing } from "../simple/form-request.ts";
import { simpleServing } from "../simple/serving.ts";

export interface TfsServing extends RowServing {
  readonly limits: DecodeLimits;
}

export interface TfsReading {
  readonly jsonDepthMax: number;
  /** NaN and the infinities are read and written as bare tokens. */
  readonly hasBareTokens: boolean;
}

/** One entry for each version that is served; an entry goes with its version. */
const kept = new WeakMap<ServedVersion, TfsServing>();

export function tfsServing(served: ServedVersion, reading: TfsReading): TfsServing {
  const known = kept.get(served);
  if (known !== undefined) return known;
  const { limits, stepped } = simpleServing(served, reading.jsonDepthMax);
  const { hasBareTokens } = reading;
  const made = {
    plan: stackedPlan(served),
    wanted: undefined,
    stepped,
    limits: { ...limits, isForeign: true, hasBareTokens },
  };
  kept.set(served, made);
  return made;
}

function stackedPlan({ signature }: ServedVersion): RowServing["plan"] {
  const isStackable = signature.inputs.every((input) => input.shape.length > 0);
  if (signature.layout.kind !== "none" || !isStackable) return makeSimplePlan(signature);
  return makeSimplePlan({ ...signature, layout: { kind: "dynamic" } });
}
