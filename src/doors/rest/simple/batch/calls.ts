/**
 * Takes a list of calls apart and reads each by the plan of the version that it means.
 *
 * Two steps, because a plan is known only once a call's names are: `sliceCalls` finds each call and
 * its names, `decodeCalls` reads those whose version is there. Both run in a parsing thread too, so
 * they know plans and bytes and nothing else.
 */
import { ServingError } from "../../../../base/index.ts";
import type { SimplePlan } from "../../../../service/index.ts";
import { JsonReader } from "../../../../tensor/index.ts";
import { type DecodeRules, decodeSimple, type SimpleRequest } from "../decode.ts";
import { noNames, readNames, type SimpleNames } from "../names.ts";

export interface CallLimits {
  readonly jsonDepthMax: number;
  readonly requestItemsMax: number;
}

/** Where a call lies in its list, and what it names. */
export interface CallSlice {
  /** Bytes of the list, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  readonly names: SimpleNames;
  /** Set when it is no call at all. */
  readonly error: ServingError | undefined;
}

/** A call to be read; `plan` is an index into the plans given with it. */
export interface CallJob {
  readonly from: number;
  readonly to: number;
  readonly plan: number;
}

export interface CallPlan {
  readonly plan: SimplePlan;
  readonly rules: DecodeRules;
}

/** Exactly one of the two. */
export interface ReadCall {
  readonly decoded: SimpleRequest | undefined;
  readonly error: ServingError | undefined;
}

/**
 * Each element of the list in `body`.
 *
 * @throws INVALID_REQUEST broken JSON
 * @throws LIMIT_EXCEEDED too many calls or levels
 */
export function sliceCalls(
  body: Buffer,
  { jsonDepthMax, requestItemsMax }: CallLimits,
): CallSlice[] {
  const reader = new JsonReader(body, jsonDepthMax);
  const calls: CallSlice[] = [];
  reader.enterArray();
  while (reader.nextElement()) {
    if (calls.length >= requestItemsMax) {
      const message = `the list has more than ${requestItemsMax} calls (requestItemsMax)`;
      throw new ServingError("LIMIT_EXCEEDED", message, { limit: "requestItemsMax" });
    }
    const isObject = reader.peek() === "object";
    const from = reader.at;
    const error = isObject ? undefined : noCall(reader);
    reader.skipValue();
    const to = reader.at;
    const names = isObject ? readNames(body.subarray(from, to), jsonDepthMax) : noNames;
    calls.push({ from, to, names, error });
  }
  reader.end();
  return calls;
}

function noCall(reader: JsonReader): ServingError {
  return new ServingError("INVALID_INPUT", `a call is ${reader.shownNext()}, expected an object`);
}

/** Reads calls of the list in `body`; one that cannot be read does not end the others. */
export function decodeCalls(
  body: Buffer,
  calls: readonly CallJob[],
  plans: readonly CallPlan[],
): ReadCall[] {
  return calls.map(({ from, to, plan }) => {
    const by = plans[plan];
    if (by === undefined) throw new ServingError("INTERNAL", `a call has no plan ${plan}`);
    try {
      const decoded = decodeSimple(body.subarray(from, to), by.plan, by.rules);
      return { decoded, error: undefined };
    } catch (thrown) {
      return { decoded: undefined, error: ServingError.from(thrown) };
    }
  });
}
