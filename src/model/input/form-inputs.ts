/**
 * Turns the tensors of a request, in any order, into the inputs of the model in signature order.
 *
 * The one check of a request, shared by every door, so that all doors refuse the same things with
 * the same words. The first fault is named. Cheap faults come first: names, heads, counts, and only
 * then a look at each value where the model declares rules. A tensor that passes is handed on
 * without a copy. `formSingle` is the same for the hot case, one numeric input `[items, width]`.
 */
import { ServingError } from "../../base/index.ts";
import type { ByteStrings, NumericArray, Tensor } from "../../tensor/index.ts";
import { makeTensor } from "../../tensor/index.ts";
import {
  checkHead,
  findInput,
  listed,
  shownShape,
  type TensorHead,
  tooManyItems,
} from "./check-shape.ts";
import { checkValues } from "./check-values.ts";
import { type FieldNaming, protocolNaming } from "./field-naming.ts";
import type { InputChecks, InputPlan } from "./input-checks.ts";

/** One tensor as a door read it. REQUIRES: `elements` is of the kind that `dtype` names. */
export interface GivenTensor extends TensorHead {
  readonly elements: NumericArray | ByteStrings;
}

/** The checked part of an inference request. */
export interface FormedInputs {
  /** In signature order; `undefined` = an optional input that was not given. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** 0 when the request has no items: answer it with `emptyOutputs`, never run it. */
  readonly items: number;
}

/**
 * Checks all tensors of a request.
 *
 * @throws INVALID_INPUT names, datatypes, shapes, counts or values break the signature
 * @throws LIMIT_EXCEEDED inputsMax, rankMax, elementsMax, requestItemsMax, stringElementBytesMax
 */
export function formInputs(
  checks: InputChecks,
  given: readonly GivenTensor[],
  naming: FieldNaming = protocolNaming,
): FormedInputs {
  if (given.length > checks.limits.inputsMax) throw tooManyInputs(checks, given.length);
  const inputs = new Array<Tensor | undefined>(checks.inputs.length).fill(undefined);
  let items = -1;
  for (let position = 0; position < given.length; position += 1) {
    const each = given[position] as GivenTensor;
    const plan = findInput(checks, each.name, position);
    if (inputs[plan.index] !== undefined) throw givenTwice(plan, position);
    const place = { dtype: each.dtype, shape: each.shape, position, naming };
    const count = checkHead(checks, plan, place);
    if (each.elements.length !== count) throw wrongCount(plan, each, place);
    inputs[plan.index] = makeTensor(plan.spec.dtype, each.shape, each.elements);
    if (!checks.hasItems) continue;
    const own = each.shape[0] as number;
    if (items === -1) items = own;
    else if (items !== own) throw unequalItems(plan, place, items);
  }
  if (given.length < inputs.length) checkAllGiven(checks, inputs);
  for (let position = 0; position < given.length; position += 1) {
    const plan = checks.planByName.get((given[position] as GivenTensor).name) as InputPlan;
    const tensor = inputs[plan.index] as Tensor;
    checkElements(checks, plan, { tensor, position, naming });
  }
  if (checks.hasItems) return { inputs, items: items === -1 ? 1 : items };
  return { inputs, items: isEmptyList(checks, inputs) ? 0 : 1 };
}

/**
 * Checks the elements of the only input, read straight into an array of its dtype.
 * REQUIRES: `checks.single` is there.
 *
 * @param items rows that were read, >= 0
 * @throws INVALID_INPUT, LIMIT_EXCEEDED
 */
export function formSingle(
  checks: InputChecks,
  rows: { readonly elements: NumericArray; readonly items: number },
  naming: FieldNaming = protocolNaming,
): FormedInputs {
  const { elements, items } = rows;
  const { single, limits } = checks;
  if (single === undefined) throw new RangeError("the model has no single numeric input");
  const { plan, width } = single;
  const shape = items === 1 ? single.shapeOfOne : [items, width];
  if (items > limits.requestItemsMax) {
    throw tooManyItems(checks, items, naming.tensor(plan.spec, 0));
  }
  const isOneOfWidth = elements.length === items * width;
  if (!isOneOfWidth || elements.length > limits.elementsMax) {
    const head = { dtype: plan.spec.dtype, shape, position: 0, naming };
    checkHead(checks, plan, head);
    throw wrongCount(plan, { ...head, elements }, head);
  }
  const tensor = makeTensor(plan.spec.dtype, shape, elements);
  if (checks.hasValueRules) checkElements(checks, plan, { tensor, position: 0, naming });
  return { inputs: [tensor], items };
}

interface ElementsOf {
  readonly tensor: Tensor;
  readonly position: number;
  readonly naming: FieldNaming;
}

function checkElements(checks: InputChecks, plan: InputPlan, of: ElementsOf): void {
  const { tensor } = of;
  const isRuled = plan.numberRules !== undefined || plan.textRules !== undefined;
  if (!isRuled && tensor.dtype !== "BYTES") return;
  const items = checks.hasItems ? (tensor.shape[0] as number) : 0;
  const itemElements = items === 0 ? 0 : tensor.elements.length / items;
  checkValues(plan, tensor, {
    position: of.position,
    naming: of.naming,
    itemElements,
    stringElementBytesMax: checks.limits.stringElementBytesMax,
  });
}

/**
 * A model that cannot be batched takes one item whatever its shape; but when each of its inputs has
 * a free first dimension and a request gives 0 in all of them, its caller sent an empty list.
 */
function isEmptyList(checks: InputChecks, inputs: readonly (Tensor | undefined)[]): boolean {
  let given = 0;
  for (const plan of checks.inputs) {
    const tensor = inputs[plan.index];
    if (tensor === undefined) continue;
    if (plan.spec.shape[0] !== -1 || tensor.shape[0] !== 0) return false;
    given += 1;
  }
  return given > 0;
}

function checkAllGiven(checks: InputChecks, inputs: readonly (Tensor | undefined)[]): void {
  const missing = checks.inputs.filter(
    (plan) => !plan.spec.isOptional && inputs[plan.index] === undefined,
  );
  if (missing.length === 0) return;
  const names = listed(missing.map((plan) => plan.spec.name));
  const noun = missing.length === 1 ? "input" : "inputs";
  const message = `inputs: required ${noun} ${names} missing`;
  throw new ServingError("INVALID_INPUT", message, { field: "inputs" });
}

function tooManyInputs(checks: InputChecks, count: number): ServingError {
  const { inputsMax } = checks.limits;
  const message = `inputs: ${count} tensors, at most ${inputsMax} are allowed (inputsMax)`;
  return new ServingError("LIMIT_EXCEEDED", message, { field: "inputs", limit: "inputsMax" });
}

function givenTwice(plan: InputPlan, position: number): ServingError {
  const field = protocolNaming.tensor(plan.spec, position);
  const message = `${field}: given twice, expected once`;
  return new ServingError("INVALID_INPUT", message, { field: `inputs[${position}].name` });
}

interface HeadOf {
  readonly shape: readonly number[];
  readonly position: number;
  readonly naming: FieldNaming;
}

function wrongCount(plan: InputPlan, given: Omit<GivenTensor, "name">, head: HeadOf): ServingError {
  const field = head.naming.tensor(plan.spec, head.position);
  const expected = given.shape.reduce((product, size) => product * size, 1);
  const message =
    `${field}: ${given.elements.length} values, expected ${expected} ` +
    `for shape ${shownShape(given.shape)}`;
  return new ServingError("INVALID_INPUT", message, { field: `${field}.data` });
}

function unequalItems(plan: InputPlan, head: HeadOf, items: number): ServingError {
  const field = head.naming.tensor(plan.spec, head.position);
  const message = `${field}: ${head.shape[0]} items, expected ${items} as in the inputs before it`;
  return new ServingError("INVALID_INPUT", message, { field: `${field}.shape` });
}
