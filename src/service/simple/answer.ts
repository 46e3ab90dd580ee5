/**
 * What the outputs of a request mean for its rows: a prediction, scores, a confidence.
 *
 * Works on the joined outputs by index, so a batch of answers makes no slices. A class label is a
 * whole number or a string, a regressor's answer a number; without a prediction of its own the best
 * class is it.
 */
import type { Label } from "../../model/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { SimplePlan } from "./plan.ts";

/** The outputs of one request as the plan sees them. */
export interface Answer {
  readonly plan: SimplePlan;
  readonly prediction: Tensor | undefined;
  readonly probability: Tensor | undefined;
  readonly items: number;
}

/** Picks prediction and scores out of all outputs of a request. */
export function makeAnswer(plan: SimplePlan, outputs: readonly Tensor[], items: number): Answer {
  return {
    plan,
    prediction: plan.prediction === -1 ? undefined : outputs[plan.prediction],
    probability: plan.probability === -1 ? undefined : outputs[plan.probability],
    items,
  };
}

/** Elements of one item. */
export function perItem(tensor: Tensor, items: number): number {
  return items === 0 ? 0 : tensor.elements.length / items;
}

/** The index of the best score of item `index`; of equal ones the first. */
export function bestClass(scores: Tensor, index: number, items: number): number {
  if (scores.dtype === "BYTES") return 0;
  const { elements } = scores;
  const count = perItem(scores, items);
  const from = index * count;
  let best = 0;
  for (let each = 1; each < count; each += 1) {
    if (Number(elements[from + each]) > Number(elements[from + best])) best = each;
  }
  return best;
}

/**
 * The class label or number of item `index`; `undefined` when the model's answer is a list, or
 * bytes that are no text.
 */
export function predictionOf(answer: Answer, index: number): Label | number | undefined {
  const { prediction, probability, plan, items } = answer;
  if (prediction === undefined) {
    if (probability === undefined) return undefined;
    const best = bestClass(probability, index, items);
    return plan.labels?.[best] ?? best;
  }
  if (perItem(prediction, items) !== 1) return undefined;
  if (prediction.dtype === "BYTES") return prediction.elements.textAt(index);
  return prediction.elements[index];
}

/** The scores of item `index`, of every class; empty when the model has none. */
export function scoresOf({ probability, items }: Answer, index: number): Float32Array {
  if (probability === undefined || probability.dtype === "BYTES") return new Float32Array(0);
  const count = perItem(probability, items);
  const scores = new Float32Array(count);
  const { elements } = probability;
  for (let each = 0; each < count; each += 1) {
    scores[each] = Number(elements[index * count + each]);
  }
  return scores;
}
