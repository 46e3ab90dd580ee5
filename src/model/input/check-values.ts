/**
 * Checks the values of a tensor against the rules of the signature, and the size of its strings.
 *
 * Bounds are inclusive and hold for the value as the tensor stores it. NaN keeps no bound: an
 * element with any rule refuses it, an element without one lets it through, as the engine would see
 * it. An infinity is judged like any other value. A text's length is counted in characters (Unicode
 * code points) as sent, before any text step, so that a caller can count it too. Only ruled columns
 * are visited; the loop over Float32Array stands alone because it is the one that is hot.
 */
import { isUtf8 } from "node:buffer";
import { ServingError } from "../../base/index.ts";
import {
  type ByteStrings,
  bfloat16ToNumber,
  float16ToNumber,
  type NumericArray,
  type Tensor,
} from "../../tensor/index.ts";
import type { FieldNaming } from "./field-naming.ts";
import type { InputPlan, NumberRules, TextRules } from "./input-checks.ts";

/** Where the tensor stands, for messages, and the limit of its strings. */
export interface ValuesPlace {
  readonly position: number;
  readonly naming: FieldNaming;
  /** Elements of one item, >= 1; 0 when the first dimension does not count items. */
  readonly itemElements: number;
  readonly stringElementBytesMax: number;
}

/** Throws INVALID_INPUT at the first broken rule, LIMIT_EXCEEDED at a string that is too long. */
export function checkValues(plan: InputPlan, tensor: Tensor, place: ValuesPlace): void {
  if (tensor.dtype === "BYTES") {
    checkStrings(plan, tensor.elements, place);
    return;
  }
  const rules = plan.numberRules;
  if (rules === undefined) return;
  const { elements } = tensor;
  const wrong =
    elements instanceof Float32Array
      ? firstWrongFloat(rules, elements)
      : firstWrong(rules, elements, readerOf(tensor.dtype));
  if (wrong !== -1) throw brokenRule(plan, { tensor, rules, wrong }, place);
}

/** Index of the first element that breaks a rule, or -1. */
function firstWrongFloat(rules: NumberRules, elements: Float32Array): number {
  const { period, columns, mins, maxs, isWhole } = rules;
  for (let from = 0; from < elements.length; from += period) {
    for (let rule = 0; rule < columns.length; rule += 1) {
      const index = from + (columns[rule] as number);
      const value = elements[index] as number;
      // Written so that NaN fails. Math.trunc instead of % 1: a third less in a loop of its own.
      const isInside = value >= (mins[rule] as number) && value <= (maxs[rule] as number);
      if (!isInside || (isWhole[rule] === 1 && Math.trunc(value) !== value)) return index;
    }
  }
  return -1;
}

type ReadElement = (element: number | bigint) => number | bigint;

const asStored: ReadElement = (element) => element;
const fromFloat16: ReadElement = (element) => float16ToNumber(Number(element));
const fromBfloat16: ReadElement = (element) => bfloat16ToNumber(Number(element));

function readerOf(dtype: Tensor["dtype"]): ReadElement {
  if (dtype === "FP16") return fromFloat16;
  return dtype === "BF16" ? fromBfloat16 : asStored;
}

/** As `firstWrongFloat`, for the other dtypes; bigints compare exactly with doubles. */
function firstWrong(rules: NumberRules, elements: NumericArray, read: ReadElement): number {
  const { period, columns, mins, maxs, isWhole } = rules;
  for (let from = 0; from < elements.length; from += period) {
    for (let rule = 0; rule < columns.length; rule += 1) {
      const index = from + (columns[rule] as number);
      const value = read(elements[index] as number | bigint);
      const isInside = value >= (mins[rule] as number) && value <= (maxs[rule] as number);
      const isFraction = isWhole[rule] === 1 && Number(value) % 1 !== 0;
      if (!isInside || isFraction) return index;
    }
  }
  return -1;
}

interface Broken {
  readonly tensor: Tensor;
  readonly rules: NumberRules;
  /** Index of the element at fault. */
  readonly wrong: number;
}

function brokenRule(plan: InputPlan, broken: Broken, place: ValuesPlace): ServingError {
  const { rules, wrong, tensor } = broken;
  const rule = rules.columns.indexOf(wrong % rules.period);
  const field = place.naming.element(plan.spec, place.position, {
    index: wrong,
    itemElements: place.itemElements,
  });
  const element = (tensor.elements as NumericArray)[wrong] as number | bigint;
  const value = readerOf(tensor.dtype)(element);
  const message = `${field}: ${value} ${expectation(rules, rule)}`;
  return new ServingError("INVALID_INPUT", message, { field });
}

/** `is out of range, expected a whole number from 0 to 120`. */
function expectation(rules: NumberRules, rule: number): string {
  const min = rules.mins[rule] as number;
  const max = rules.maxs[rule] as number;
  const noun = rules.isWhole[rule] === 1 ? "a whole number" : "a number";
  if (min === -Infinity && max === Infinity) return `is refused, expected ${noun}`;
  if (max === Infinity) return `is out of range, expected ${noun} of at least ${shown(min)}`;
  if (min === -Infinity) return `is out of range, expected ${noun} of at most ${shown(max)}`;
  return `is out of range, expected ${noun} from ${shown(min)} to ${shown(max)}`;
}

/** A bound as its author wrote it: 0.1, not the float32 0.10000000149. */
function shown(bound: number): string {
  const short = Number(bound.toPrecision(7));
  return String(Math.fround(short) === bound ? short : bound);
}

function checkStrings(plan: InputPlan, strings: ByteStrings, place: ValuesPlace): void {
  const { offsets } = strings;
  const rules = plan.textRules;
  for (let index = 0; index < strings.length; index += 1) {
    const bytes = (offsets[index + 1] as number) - (offsets[index] as number);
    if (bytes > place.stringElementBytesMax) throw tooLong(plan, { index, bytes }, place);
    if (rules !== undefined) checkLength(plan, { rules, index, element: strings.at(index) }, place);
  }
}

interface TextElement {
  readonly rules: TextRules;
  readonly index: number;
  readonly element: Uint8Array;
}

function checkLength(plan: InputPlan, text: TextElement, place: ValuesPlace): void {
  const { rules, index, element } = text;
  const length = isUtf8(element) ? characterCount(element) : -1;
  if (length >= rules.lengthMin && length <= rules.lengthMax) return;
  const field = place.naming.element(plan.spec, place.position, { ...place, index });
  const { lengthMin, lengthMax } = rules;
  const range = lengthMax === Infinity ? `at least ${lengthMin}` : `${lengthMin} to ${lengthMax}`;
  const message =
    length === -1
      ? `${field}: the bytes are not UTF-8, expected text`
      : `${field}: text of ${length} characters, expected ${range}`;
  throw new ServingError("INVALID_INPUT", message, { field });
}

function tooLong(
  plan: InputPlan,
  text: { readonly index: number; readonly bytes: number },
  place: ValuesPlace,
): ServingError {
  const { index, bytes } = text;
  const field = place.naming.element(plan.spec, place.position, { ...place, index });
  const limit = place.stringElementBytesMax;
  const message = `${field}: ${bytes} bytes, at most ${limit} are allowed (stringElementBytesMax)`;
  return new ServingError("LIMIT_EXCEEDED", message, { field, limit: "stringElementBytesMax" });
}

/** Code points of UTF-8 text: all bytes but the continuing ones. REQUIRES: valid UTF-8. */
function characterCount(text: Uint8Array): number {
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (((text[index] as number) & 0xc0) !== 0x80) count += 1;
  }
  return count;
}
