/**
 * Checks name, datatype and shape of a tensor against the signature, before anything is allocated.
 *
 * Shapes come from callers, so a dimension may be negative, a fraction or 1e300: products are taken
 * as doubles, which cannot wrap, and compared with a limit far below 2^53, so their rounding does
 * not matter. A dimension of 0 is legal and makes the product 0 whatever the others are.
 */
import { didYouMean, quote, ServingError } from "../../base/index.ts";
import type { InputSpec } from "../signature.ts";
import type { FieldNaming } from "./field-naming.ts";
import type { InputChecks, InputPlan } from "./input-checks.ts";

/** What a request says about a tensor ahead of its elements. */
export interface TensorHead {
  readonly name: string;
  /** As sent. */
  readonly dtype: string;
  /** As sent: any number may stand here. */
  readonly shape: readonly number[];
}

/** Where a tensor stands in its request, and how that is spelt. */
export interface TensorPlace {
  readonly position: number;
  readonly naming: FieldNaming;
}

type HeadPlace = Omit<TensorHead, "name"> & TensorPlace;

const dimensionMax = Number.MAX_SAFE_INTEGER;

/** The plan of the input `name`. Throws INVALID_INPUT, with a suggestion, when there is none. */
export function findInput(checks: InputChecks, name: string, position: number): InputPlan {
  const plan = checks.planByName.get(name);
  if (plan !== undefined) return plan;
  const names = [...checks.planByName.keys()];
  const known = names.length === 0 ? "the model takes no inputs" : `expected ${listed(names)}`;
  throw new ServingError(
    "INVALID_INPUT",
    `inputs[${position}]: the model has no input ${quote(name)}: ` +
      `${known}${didYouMean(name, names)}`,
    { field: `inputs[${position}].name` },
  );
}

/**
 * Checks datatype, rank, dimensions and size of one tensor.
 *
 * @returns its number of elements, 0 to `elementsMax`
 * @throws INVALID_INPUT, LIMIT_EXCEEDED
 */
export function checkHead(checks: InputChecks, plan: InputPlan, head: HeadPlace): number {
  const { spec } = plan;
  if (head.dtype !== spec.dtype) {
    const field = head.naming.tensor(spec, head.position);
    const message = `${field}: datatype ${quote(head.dtype)}, expected '${spec.dtype}'`;
    throw new ServingError("INVALID_INPUT", message, { field: `${field}.datatype` });
  }
  const { shape } = head;
  if (shape.length !== spec.shape.length) throw rankFault(checks, plan, head);
  let elements = 1;
  for (let dimension = 0; dimension < shape.length; dimension += 1) {
    const size = shape[dimension] as number;
    const wanted = spec.shape[dimension] as number;
    const isFree = wanted < 0 || dimension < plan.firstFixed;
    if (!(size >= 0 && size <= dimensionMax && Number.isInteger(size))) {
      throw shapeFault(plan, head, `dimension ${dimension} is ${size}, expected ${wholeRange}`);
    }
    if (!isFree && size !== wanted) throw dimensionFault(plan, head, dimension);
    // Once 0 it stays 0: Infinity * 0 would be NaN.
    if (elements !== 0) elements = size === 0 ? 0 : elements * size;
  }
  checkItems(checks, plan, head);
  if (elements > checks.limits.elementsMax) throw elementsFault(checks, plan, head);
  return elements;
}

const wholeRange = `a whole number from 0 to ${dimensionMax}`;

function checkItems(checks: InputChecks, plan: InputPlan, head: HeadPlace): void {
  const items = checks.hasItems ? (head.shape[0] as number) : 1;
  if (items <= checks.limits.requestItemsMax) return;
  throw tooManyItems(checks, items, head.naming.tensor(plan.spec, head.position));
}

/** The refusal of a request with more than `requestItemsMax` items. */
export function tooManyItems(checks: InputChecks, items: number, field: string): ServingError {
  const { requestItemsMax } = checks.limits;
  const text = `${items} items, at most ${requestItemsMax} are allowed in one request`;
  return new ServingError("LIMIT_EXCEEDED", `${field}: ${text} (requestItemsMax)`, {
    field,
    limit: "requestItemsMax",
  });
}

/** The shape of a signature as callers read it: -1 is any size, the item dimension included. */
function wantedShape(checks: InputChecks, spec: InputSpec): string {
  const shape = checks.hasItems ? [-1, ...spec.shape.slice(1)] : spec.shape;
  return `[${shape.join(",")}]`;
}

function shapeFault(plan: InputPlan, head: HeadPlace, text: string): ServingError {
  const field = head.naming.tensor(plan.spec, head.position);
  return new ServingError("INVALID_INPUT", `${field}: ${text}`, { field: `${field}.shape` });
}

function rankFault(checks: InputChecks, plan: InputPlan, head: HeadPlace): ServingError {
  const rank = head.shape.length;
  const { rankMax } = checks.limits;
  if (rank <= rankMax) {
    const wanted = wantedShape(checks, plan.spec);
    const shape = shownShape(head.shape);
    return shapeFault(plan, head, `shape ${shape} has rank ${rank}, expected ${wanted}`);
  }
  const field = head.naming.tensor(plan.spec, head.position);
  return new ServingError(
    "LIMIT_EXCEEDED",
    `${field}: rank ${rank}, at most ${rankMax} dimensions are allowed (rankMax)`,
    { field: `${field}.shape`, limit: "rankMax" },
  );
}

function dimensionFault(plan: InputPlan, head: HeadPlace, dimension: number): ServingError {
  const wanted = plan.spec.shape[dimension];
  return shapeFault(
    plan,
    head,
    `shape ${shownShape(head.shape)} has ${head.shape[dimension]} in dimension ${dimension}, ` +
      `expected ${wanted}`,
  );
}

function elementsFault(checks: InputChecks, plan: InputPlan, head: HeadPlace): ServingError {
  const field = head.naming.tensor(plan.spec, head.position);
  const { elementsMax } = checks.limits;
  return new ServingError(
    "LIMIT_EXCEEDED",
    `${field}: shape ${shownShape(head.shape)} has more than ${elementsMax} elements (elementsMax)`,
    { field: `${field}.shape`, limit: "elementsMax" },
  );
}

/** A shape from a caller, cut to 16 dimensions. */
export function shownShape(shape: readonly number[]): string {
  const shown = shape.slice(0, 16).join(",");
  return shape.length > 16 ? `[${shown},...]` : `[${shown}]`;
}

/** Names for a message: at most eight. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => quote(name));
  return names.length > 8 ? `${shown.join(", ")}, ...` : shown.join(", ");
}
