/**
 * Rows of plain numbers or texts, as doors without tensors send them, through a model.
 *
 * A row is laid into the inputs as the plan says: columns of one tensor, one element for each of
 * several inputs, or the text. Numbers come as 32-bit floats; where a model takes whole numbers,
 * only whole ones pass. What is wrong is named by the row and the place in it.
 */
import { ServingError } from "../../base/index.ts";
import {
  applyTextSteps,
  type FieldNaming,
  formInputs,
  type GivenTensor,
  rowNaming,
} from "../../model/index.ts";
import {
  ByteStrings,
  type NumericDtype,
  newNumericArray,
  type Tensor,
} from "../../tensor/index.ts";
import type { InferenceTerms } from "../oip/inference.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";
import { type Answer, makeAnswer } from "./answer.ts";
import type { FeatureInput, SimplePlan } from "./plan.ts";
import { shownPlan } from "./shown.ts";

/** Rows of `width` numbers each. */
export interface NumberRows {
  /** The caller's word for them: `features` for one row, `instances` for several. */
  readonly field: "features" | "instances";
  /** Row by row. */
  readonly values: Float32Array;
  readonly width: number;
  readonly items: number;
}

/** @throws INVALID_INPUT, LIMIT_EXCEEDED; what the predictor refuses comes by the promise */
export function inferNumbers(
  service: Service,
  terms: InferenceTerms,
  { served, rows }: { readonly served: ServedVersion; readonly rows: NumberRows },
): Promise<Answer> {
  const { plan } = shownPlan(served);
  checkCount(plan, rows.field, rows.items);
  const given = numbersAsInputs(plan, rows);
  const naming = rowNaming(rows.field, rows.field === "features");
  return run(service, terms, { served, given, naming, rows: rows.items });
}

/** Texts, one a row. */
export interface TextRows {
  /** The caller's word for them: `text` for one, `requests` for several. */
  readonly field: "text" | "requests";
  readonly texts: readonly string[];
}

/** @throws INVALID_INPUT, LIMIT_EXCEEDED; what the predictor refuses comes by the promise */
export function inferTexts(
  service: Service,
  terms: InferenceTerms,
  { served, rows }: { readonly served: ServedVersion; readonly rows: TextRows },
): Promise<Answer> {
  const { plan } = shownPlan(served);
  const { field, texts } = rows;
  checkCount(plan, field, texts.length);
  const [input] = plan.inputs;
  if (plan.kind !== "text" || input === undefined) {
    throw wrong(field, "the model takes no text: send it tensors or features");
  }
  const shape = shapeOf(plan, input, { items: texts.length, width: 1 });
  const elements = ByteStrings.fromText(texts);
  const given = [{ name: input.name, dtype: input.dtype, shape, elements }];
  const naming = rowNaming(field === "text" ? "" : field, field === "text");
  return run(service, terms, { served, given, naming, rows: texts.length });
}

interface Rows {
  readonly served: ServedVersion;
  readonly given: readonly GivenTensor[];
  readonly naming: FieldNaming;
  readonly rows: number;
}

function run(service: Service, terms: InferenceTerms, of: Rows): Promise<Answer> {
  const { served, given, naming, rows } = of;
  const { answerPlan, wanted } = shownPlan(served);
  const formed = formInputs(served.checks, given, naming);
  terms.items = formed.items;
  terms.times.decodedAtMs = service.clock.nowMs();
  const inputs = stepped(served, formed.inputs);
  const request = { inputs, items: formed.items, outputs: wanted, parameters: undefined };
  return service
    .infer(served, request, terms)
    .then((response) => makeAnswer(answerPlan, response.outputs, rows));
}

function stepped(
  { signature }: ServedVersion,
  inputs: readonly (Tensor | undefined)[],
): readonly (Tensor | undefined)[] {
  return inputs.map((tensor, index) => {
    const steps = signature.inputs[index]?.steps ?? [];
    return tensor?.dtype === "BYTES" ? applyTextSteps(steps, tensor) : tensor;
  });
}

function checkCount(plan: SimplePlan, field: string, rows: number): void {
  if (rows === 0) throw wrong(field, "no rows, expected at least 1");
  if (plan.isBatchable || rows === 1) return;
  throw wrong(field, `${rows} rows, expected 1: the model takes one at a time`);
}

function numbersAsInputs(plan: SimplePlan, rows: NumberRows): GivenTensor[] {
  const { inputs } = plan;
  if (plan.kind === "text") throw wrong(rows.field, "the model takes text, not numbers");
  const [only] = inputs;
  if (plan.kind !== "fields" && only !== undefined) {
    const wanted = only.rowElements;
    if (wanted !== -1 && wanted !== rows.width) throw wrongWidth(rows, wanted);
    return [inputOf(plan, only, { rows, column: -1 })];
  }
  if (rows.width !== inputs.length) throw wrongWidth(rows, inputs.length);
  return inputs.map((input, column) => inputOf(plan, input, { rows, column }));
}

interface Part {
  readonly rows: NumberRows;
  /** The column that the input takes, or -1 for all of them. */
  readonly column: number;
}

function inputOf(plan: SimplePlan, input: FeatureInput, { rows, column }: Part): GivenTensor {
  const { name, dtype } = input;
  if (dtype === "BYTES" || dtype === "FP16" || dtype === "BF16") {
    throw wrong(rows.field, `input '${name}' takes ${dtype}, which numbers cannot be made into`);
  }
  const width = column === -1 ? rows.width : 1;
  const isAsIs = dtype === "FP32" && column === -1;
  const elements = isAsIs ? rows.values : newNumericArray(dtype, rows.items * width);
  for (let at = 0; at < elements.length && !isAsIs; at += 1) {
    const from = column === -1 ? at : at * rows.width + column;
    const value = converted(rows, from, dtype);
    const isBig = dtype === "INT64" || dtype === "UINT64";
    if (isBig) (elements as BigInt64Array)[at] = BigInt(value);
    else (elements as Float64Array)[at] = value;
  }
  return { name, dtype, shape: shapeOf(plan, input, { items: rows.items, width }), elements };
}

interface Extent {
  readonly items: number;
  /** Elements of one row. */
  readonly width: number;
}

/** The shape of rows of an input; a free dimension is as long as the row. */
function shapeOf(plan: SimplePlan, { rowShape }: FeatureInput, { items, width }: Extent): number[] {
  const row = rowShape.map((size) => (size === -1 ? width : size));
  return plan.isBatchable ? [items, ...row] : row;
}

/** Static: the ranges of the whole numbers that a model may take. */
const ranges: { readonly [dtype in NumericDtype]?: readonly [min: number, max: number] } = {
  BOOL: [0, 1],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 2 ** 32 - 1],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
};

function converted(rows: NumberRows, from: number, dtype: NumericDtype): number {
  const value = rows.values[from] as number;
  const range = ranges[dtype];
  if (range !== undefined) {
    const [min, max] = range;
    if (!Number.isInteger(value) || value < min || value > max) {
      const place = `[${from % rows.width}]`;
      const row = rows.field === "features" ? "" : `[${Math.floor(from / rows.width)}]`;
      const text = `expected a whole number from ${min} to ${max} (${dtype}), got ${value}`;
      throw wrong(`${rows.field}${row}${place}`, text);
    }
  }
  return value;
}

function wrongWidth({ field, width }: NumberRows, wanted: number): ServingError {
  return wrong(field, `${width} values in a row, expected ${wanted}`);
}

function wrong(field: string, text: string): ServingError {
  return new ServingError("INVALID_INPUT", `${field}: ${text}`, { field });
}
