/**
 * Compiles a signature into the plan by which requests are checked.
 *
 * Done once a version, so that a request pays only for what its model declares: an input without
 * value rules costs nothing beyond its shape, and bounds lie in typed arrays in the order in which
 * the elements lie. Bounds of an FP32 input are rounded to float32, so that a caller who sends a
 * `max` of 0.1 as 0.1 is let in. Invariant: a plan never changes; a new signature gets a new one.
 */
import type { Limits } from "../../base/index.ts";
import type { Dtype } from "../../tensor/index.ts";
import type { ColumnSpec } from "../column-spec.ts";
import type { InputSpec, Signature } from "../signature.ts";
import { dtypeRange, isWholeDtype } from "./dtype-range.ts";

/** Value rules of a numeric input: for each ruled column its bounds, inclusive. */
export interface NumberRules {
  /** Elements from one item to the next; 1 when the rule holds for every element. */
  readonly period: number;
  /** The ruled columns, ascending. */
  readonly columns: Int32Array;
  /** Bounds and "no fractions" of `columns`; the infinities stand for no bound. */
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  readonly isWhole: Uint8Array;
}

/** Length of a text in characters (Unicode code points), bounds inclusive. */
export interface TextRules {
  readonly lengthMin: number;
  readonly lengthMax: number;
}

export interface InputPlan {
  /** Place in `signature.inputs`. */
  readonly index: number;
  readonly spec: InputSpec;
  /** The first dimension that must fit the signature: 1 behind an item dimension, else 0. */
  readonly firstFixed: number;
  readonly numberRules: NumberRules | undefined;
  readonly textRules: TextRules | undefined;
}

/** The one numeric input `[items, width]` of a model that has no other: the hot case. */
export interface SingleInput {
  readonly plan: InputPlan;
  /** Elements of an item, >= 0. */
  readonly width: number;
  /** The shape of a request of one item. */
  readonly shapeOfOne: readonly number[];
}

export interface InputChecks {
  readonly signature: Signature;
  readonly limits: InputLimits;
  readonly inputs: readonly InputPlan[];
  /** At most as many names as the signature has inputs. */
  readonly planByName: ReadonlyMap<string, InputPlan>;
  /** The first dimension counts items; false when each request runs alone. */
  readonly hasItems: boolean;
  /** False when no value of any input has to be looked at. */
  readonly hasValueRules: boolean;
  readonly single: SingleInput | undefined;
}

/** The limits that the checks enforce. */
export type InputLimits = Pick<
  Limits,
  | "inputsMax"
  | "outputsMax"
  | "rankMax"
  | "elementsMax"
  | "requestItemsMax"
  | "stringElementBytesMax"
>;

/** Compiles the plan. The limits are the server's, narrowed by what the model declares. */
export function prepareInputChecks(signature: Signature, limits: InputLimits): InputChecks {
  const hasItems = signature.layout.kind !== "none";
  const inputs = signature.inputs.map((spec, index) => planOf(spec, index, hasItems));
  return Object.freeze({
    signature,
    limits,
    inputs,
    planByName: new Map(inputs.map((plan) => [plan.spec.name, plan])),
    hasItems,
    hasValueRules: inputs.some(
      (plan) => plan.numberRules !== undefined || plan.textRules !== undefined,
    ),
    single: hasItems ? singleOf(inputs) : undefined,
  });
}

function planOf(spec: InputSpec, index: number, hasItems: boolean): InputPlan {
  const isText = spec.dtype === "BYTES";
  const hasLength = spec.lengthMin !== undefined || spec.lengthMax !== undefined;
  return Object.freeze({
    index,
    spec,
    firstFixed: hasItems ? 1 : 0,
    numberRules: isText ? undefined : numberRulesOf(spec),
    textRules:
      isText && hasLength
        ? { lengthMin: spec.lengthMin ?? 0, lengthMax: spec.lengthMax ?? Number.POSITIVE_INFINITY }
        : undefined,
  });
}

function singleOf(inputs: readonly InputPlan[]): SingleInput | undefined {
  const plan = inputs[0];
  if (plan === undefined || inputs.length !== 1 || plan.spec.dtype === "BYTES") return undefined;
  const width = plan.spec.shape[1];
  if (plan.spec.shape.length !== 2 || width === undefined || width < 0) return undefined;
  return Object.freeze({ plan, width, shapeOfOne: Object.freeze([1, width]) });
}

function numberRulesOf(spec: InputSpec): NumberRules | undefined {
  if (spec.columns === undefined) return compile([boundsOf(spec, undefined)], spec.dtype);
  return compile(
    spec.columns.map((column) => boundsOf(spec, column)),
    spec.dtype,
  );
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly isWhole: boolean;
}

/** What an element must keep: the input's own bounds, its column's, and its column's dtype. */
function boundsOf(spec: InputSpec, column: ColumnSpec | undefined): Bounds {
  const [low, high] = dtypeRange(column === undefined ? spec.dtype : column.dtype);
  const isOwnDtype = column === undefined || column.dtype === spec.dtype;
  const range = isOwnDtype ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : [low, high];
  return {
    min: Math.max(range[0] as number, spec.min ?? -Infinity, column?.min ?? -Infinity),
    max: Math.min(range[1] as number, spec.max ?? Infinity, column?.max ?? Infinity),
    isWhole: !isOwnDtype && isWholeDtype(column.dtype) && !isWholeDtype(spec.dtype),
  };
}

function compile(bounds: readonly Bounds[], dtype: Dtype): NumberRules | undefined {
  const ruled = bounds
    .map((each, column) => ({ ...each, column }))
    .filter((each) => each.isWhole || each.min > -Infinity || each.max < Infinity);
  if (ruled.length === 0) return undefined;
  const rounded = dtype === "FP32" ? Math.fround : Number;
  return Object.freeze({
    period: bounds.length,
    columns: Int32Array.from(ruled, (each) => each.column),
    mins: Float64Array.from(ruled, (each) => rounded(each.min)),
    maxs: Float64Array.from(ruled, (each) => rounded(each.max)),
    isWhole: Uint8Array.from(ruled, (each) => (each.isWhole ? 1 : 0)),
  });
}
