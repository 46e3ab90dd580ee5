/**
 * Answers to lists of examples: the classes of each with their scores, or one number for each.
 */
import type { OutputSpec } from "../../../model/index.ts";
import { elementJsonText, type Tensor } from "../../../tensor/index.ts";
import type { OutputsForm } from "./write-outputs.ts";

/**
 * `{"results":[[["label",0.7],...],...]}`, every class in the order of the model.
 * REQUIRES: `outputs` is the one with the scores.
 */
export function classesBody(outputs: readonly Tensor[], { specs }: OutputsForm): string {
  const { tensor: scores, spec } = onlyOf(outputs, specs);
  const items = scores.shape[0] ?? 1;
  const width = items === 0 ? 0 : scores.elements.length / items;
  const texts: string[] = [];
  for (let item = 0; item < items; item += 1) {
    const classes: string[] = [];
    for (let index = 0; index < width; index += 1) {
      const score = elementJsonText(scores, item * width + index, spec.name);
      classes.push(`[${JSON.stringify(labelOf(spec, index))},${score}]`);
    }
    texts.push(`[${classes.join(",")}]`);
  }
  return `{"results":[${texts.join(",")}]}`;
}

/** `{"results":[0.5,...]}`. REQUIRES: `outputs` is the one with a number for each example. */
export function regressionsBody(outputs: readonly Tensor[], { specs }: OutputsForm): string {
  const { tensor: numbers, spec } = onlyOf(outputs, specs);
  const items = numbers.shape[0] ?? 1;
  const texts: string[] = [];
  for (let item = 0; item < items; item += 1) texts.push(elementJsonText(numbers, item, spec.name));
  return `{"results":[${texts.join(",")}]}`;
}

function onlyOf(
  [tensor]: readonly Tensor[],
  [spec]: readonly OutputSpec[],
): { tensor: Tensor; spec: OutputSpec } {
  if (tensor === undefined || spec === undefined) throw new RangeError("no output for examples");
  return { tensor, spec };
}

function labelOf(spec: OutputSpec, index: number): string {
  const label = spec.labels?.[index];
  return label === undefined ? "" : String(label);
}
