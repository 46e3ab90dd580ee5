/**
 * What is asked of every door, the first door's answer, and what the others' have to be.
 *
 * The rules say what a door can carry. They are written from the documents of the doors and know
 * nothing of the server's code; a test holds that a door answers exactly when they allow it.
 */
import { bytesOf, type ClientTensor } from "../oip-client.ts";
import { type Element, jsonElements, nested } from "./exact-json.ts";

/** An output in the description of a model. */
export interface OutputDetails {
  readonly name: string;
  readonly role: string;
  readonly labels?: readonly (number | string)[];
}

/** What the server says of a model. */
export interface ModelDetails {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly outputs: readonly OutputDetails[];
  readonly batching: { readonly layout: "dynamic" | "fixed" | "none" };
}

export interface Question {
  readonly model: string;
  readonly inputs: readonly ClientTensor[];
  readonly details: ModelDetails;
  /** The answer of the Open Inference Protocol in raw bytes. */
  readonly truth: readonly ClientTensor[];
}

/** A refusal with its code. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(`${code}: ${text}`);
    this.code = code;
  }
}

/** Elements under a name: an output, or the `prediction` and `scores` of rows. */
export interface Part {
  readonly name: string;
  readonly elements: readonly Element[];
  /** How its elements are compared; else as the output that they are of. */
  readonly datatype?: string;
}

/** False when a request is one item, whatever its shape. */
export function hasItems({ details }: Question): boolean {
  return details.batching.layout !== "none";
}

/** Rows of the request. */
export function rowCount(question: Question): number {
  return hasItems(question) ? (question.inputs[0]?.shape[0] ?? 1) : 1;
}

/** The shape that one row of input `index` declares. */
export function rowShape(question: Question, index: number): readonly number[] {
  const shape = question.details.inputs[index]?.shape ?? [];
  return hasItems(question) ? shape.slice(1) : shape;
}

/** The values of row `row` of a tensor, flat. */
export function rowElements(question: Question, tensor: ClientTensor, row: number): Element[] {
  const elements = jsonElements(tensor);
  const width = elements.length / rowCount(question);
  return elements.slice(row * width, (row + 1) * width);
}

/** Each row as nested lists: of the only input, or an object of all. */
export function rowsOf(question: Question): unknown[] {
  return Array.from({ length: rowCount(question) }, (_, row) => {
    const values = question.inputs.map((tensor) => {
      const shape = hasItems(question) ? tensor.shape.slice(1) : tensor.shape;
      return nested(rowElements(question, tensor, row), shape);
    });
    if (values.length === 1) return values[0];
    if (values.length === 0) return [];
    return Object.fromEntries(question.inputs.map(({ name }, index) => [name, values[index]]));
  });
}

/**
 * Rows as servers of tensors take them: stacked they are the tensor, also where the model takes a
 * request as a whole. `undefined` where the inputs have no rows in common.
 */
export function stackedRows({ inputs }: Question): unknown[] | undefined {
  if (inputs.length === 0) return [[]];
  const sizes = new Set(inputs.map(({ shape }) => shape[0] ?? -1));
  const [size = -1] = sizes;
  if (sizes.size !== 1 || size === -1) return undefined;
  const columns = inputs.map((each) => nested(jsonElements(each), each.shape) as unknown[]);
  return Array.from({ length: size }, (_, row) => {
    if (columns.length === 1) return columns[0]?.[row];
    return Object.fromEntries(inputs.map(({ name }, index) => [name, columns[index]?.[row]]));
  });
}

/** True for one input whose rows are lists of numbers. */
export function isOneList(question: Question): boolean {
  const [only, ...more] = question.inputs;
  const isList = more.length === 0 && rowShape(question, 0).length === 1;
  return isList && only?.datatype !== "BYTES";
}

/** The outputs as parts. */
export function tensorParts(tensors: readonly ClientTensor[]): Part[] {
  return tensors.map(({ name, values }) => ({ name, elements: values }));
}

/** Which outputs the dialects of rows show. */
export function shownOutputs({ details, truth }: Question): {
  readonly prediction: ClientTensor | undefined;
  readonly scores: ClientTensor | undefined;
  readonly labels: readonly (number | string)[] | undefined;
} {
  const { outputs } = details;
  const at = (index: number): ClientTensor | undefined => truth[index];
  const scored = outputs.findIndex(({ role }) => role === "probability");
  const named = outputs.findIndex(({ role }) => role === "prediction");
  const isFirst = named === -1 && scored === -1;
  return {
    prediction: at(isFirst ? 0 : named),
    scores: at(scored),
    labels: outputs[scored]?.labels,
  };
}

/** Prediction and scores of all rows as the first door's answer has them. */
export function rowParts(question: Question): Part[] {
  const { prediction, scores, labels } = shownOutputs(question);
  const parts: Part[] = [];
  if (prediction !== undefined) parts.push({ name: "prediction", elements: prediction.values });
  else parts.push({ name: "prediction", elements: bestClasses(question, scores, labels) });
  if (scores !== undefined) parts.push({ name: "scores", elements: scores.values });
  return parts;
}

function bestClasses(
  question: Question,
  scores: ClientTensor | undefined,
  labels: readonly (number | string)[] | undefined,
): Element[] {
  const rows = rowCount(question);
  const values = (scores?.values ?? []).map(Number);
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const own = values.slice(row * width, (row + 1) * width);
    const best = own.indexOf(Math.max(...own));
    return labels?.[best] ?? best;
  });
}

/** The bytes of elements that came as text or in another type, in the type of the truth. */
function bytesAs(datatype: string, elements: readonly Element[]): Buffer {
  const values = elements.map((each) => (typeof each === "boolean" ? Number(each) : each));
  return bytesOf({ name: "", datatype, shape: [], values });
}

/** What differs between an answer and the truth, in a line; "" for none. */
export function differenceOf(
  question: Question,
  wanted: readonly Part[],
  got: readonly Part[],
): string {
  const names = (parts: readonly Part[]): string => parts.map(({ name }) => name).join();
  if (names(wanted) !== names(got)) return `${names(got)} instead of ${names(wanted)}`;
  for (const [index, { name, elements, datatype: own }] of wanted.entries()) {
    const datatype = own ?? datatypeOf(question, name, elements);
    const found = got[index]?.elements ?? [];
    if (found.length !== elements.length) {
      return `${name}: ${found.length} elements instead of ${elements.length}`;
    }
    if (bytesAs(datatype, found).equals(bytesAs(datatype, elements))) continue;
    const at = elements.findIndex(
      (each, place) => !bytesAs(datatype, [each]).equals(bytesAs(datatype, [found[place] ?? ""])),
    );
    return `${name}[${at}]: ${found[at]} instead of ${elements[at]} (${datatype})`;
  }
  return "";
}

function datatypeOf(question: Question, name: string, elements: readonly Element[]): string {
  const { prediction, scores } = shownOutputs(question);
  const tensor = question.truth.find((each) => each.name === name);
  if (tensor !== undefined) return tensor.datatype;
  if (name === "scores") return scores?.datatype ?? "FP32";
  if (prediction !== undefined) return prediction.datatype;
  return typeof elements[0] === "string" ? "BYTES" : "FP64";
}

/** Halves have no JSON and no typed contents. */
export function isHalf({ datatype }: ClientTensor): boolean {
  return datatype === "FP16" || datatype === "BF16";
}

/** Why JSON cannot carry one of the tensors, or `undefined`. */
export function noJson(tensors: readonly (ClientTensor | undefined)[]): string | undefined {
  for (const tensor of tensors) {
    if (tensor === undefined) continue;
    if (isHalf(tensor)) return "halves have no JSON";
    const hasNumbers = tensor.values.every(
      (each) => typeof each !== "number" || Number.isFinite(each),
    );
    if (!hasNumbers) return "NaN and infinities have no JSON";
  }
  return undefined;
}
