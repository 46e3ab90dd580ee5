/**
 * One item of an answer as JSON text: its prediction, its scores, its confidence.
 *
 * Works on the joined outputs of a request by index, so a batch of answers makes no slices. A class
 * label is an integer or a string, a regressor's answer a number, anything longer a flat list. Many
 * items are written in one go (1,000 items of two scores: 0.25 ms instead of 0.45).
 */
import type { Label } from "../../../model/index.ts";
import { type Answer, bestClass, perItem } from "../../../service/index.ts";
import {
  elementJsonText,
  elementsJsonText,
  rowsJsonText,
  type Tensor,
} from "../../../tensor/index.ts";

/** Items from which writing them in one go is faster. */
const wholeItemsMin = 16;

function rowsText(tensor: Tensor, width: number): string {
  return rowsJsonText(tensor, { from: 0, to: tensor.elements.length, name: "output" }, width);
}

/** The class label or number of item `index`. */
export function predictionText(answer: Answer, index: number): string {
  const { prediction, probability, plan, items } = answer;
  if (prediction !== undefined) {
    const count = perItem(prediction, items);
    if (count === 1) return elementJsonText(prediction, index, "prediction");
    return listText(prediction, index * count, count);
  }
  if (probability === undefined) return "null";
  const best = bestClass(probability, index, items);
  return labelText(plan.labels, best);
}

/** All scores of item `index` as a list, or `undefined` when the model has none. */
export function probabilitiesText(answer: Answer, index: number): string | undefined {
  const { probability, items } = answer;
  if (probability === undefined) return undefined;
  const count = perItem(probability, items);
  return listText(probability, index * count, count);
}

/** The predictions of all items with commas between them; each in a list where `isListed`. */
export function allPredictionsText(answer: Answer, isListed: boolean): string {
  const { prediction, items } = answer;
  if (prediction !== undefined && items >= wholeItemsMin) {
    const width = perItem(prediction, items);
    if (width > 1 || (isListed && width === 1)) return rowsText(prediction, width);
    if (width === 1)
      return elementsJsonText(prediction, { from: 0, to: items, name: "prediction" });
  }
  const texts: string[] = [];
  for (let index = 0; index < items; index += 1) {
    const text = predictionText(answer, index);
    texts.push(isListed && !text.startsWith("[") ? `[${text}]` : text);
  }
  return texts.join(",");
}

/** The scores of all items as lists with commas between them, or `undefined`. */
export function allProbabilitiesText(answer: Answer): string | undefined {
  const { probability, items } = answer;
  if (probability === undefined) return undefined;
  const width = perItem(probability, items);
  if (items >= wholeItemsMin && width > 0) return rowsText(probability, width);
  const texts: string[] = [];
  for (let index = 0; index < items; index += 1) {
    texts.push(listText(probability, index * width, width));
  }
  return texts.join(",");
}

/**
 * One score of item `index`: that of class 1 when there are two, else that of the best class;
 * `undefined` when the model has none.
 */
export function probabilityText(answer: Answer, index: number): string | undefined {
  const { probability, items } = answer;
  if (probability === undefined) return undefined;
  const count = perItem(probability, items);
  const chosen = count === 2 ? 1 : bestClass(probability, index, items);
  return elementJsonText(probability, index * count + chosen, "probability");
}

/** The best score of item `index`, or `undefined`. */
export function confidenceText(answer: Answer, index: number): string | undefined {
  const { probability, items } = answer;
  if (probability === undefined) return undefined;
  const count = perItem(probability, items);
  const best = bestClass(probability, index, items);
  return elementJsonText(probability, index * count + best, "probability");
}

function labelText(labels: readonly Label[] | undefined, index: number): string {
  const label = labels?.[index];
  if (label === undefined) return String(index);
  return typeof label === "bigint" ? label.toString() : JSON.stringify(label);
}

function listText(tensor: Tensor, from: number, count: number): string {
  if (count === 0) return "[]";
  let text = `[${elementJsonText(tensor, from, "output")}`;
  for (let index = from + 1; index < from + count; index += 1) {
    text += `,${elementJsonText(tensor, index, "output")}`;
  }
  return `${text}]`;
}
