/**
 * Answers to lists of examples: the classes of each with their scores, or one number for each.
 */
import { ServingError } from "../../../base/index.ts";
import type { OutputSpec } from "../../../model/index.ts";
import { elementJsonText, type Tensor } from "../../../tensor/index.ts";
import type { OutputsForm } from "./write-outputs.ts";

/**
 * `{"results":[[["label",0.7],...],...]}`, every class in the order of the model.
 * @throws INVALID_INPUT when the model has no scores
 */
export function classesBody(outputs: readonly Tensor[], { specs }: OutputsForm): string {
  const at = specs.findIndex((spec) => spec.role === "probability");
  const scores = outputs[at];
  const spec = specs[at];
  if (scores === undefined || spec === undefined) {
    throw unsuited("classify: the model gives no scores of classes, ask it with :predict");
  }
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

/**
 * `{"results":[0.5,...]}`
 * @throws INVALID_INPUT when the model gives classes, or not one number for each example
 */
export function regressionsBody(outputs: readonly Tensor[], { specs }: OutputsForm): string {
  const isClassifier = specs.some((spec) => spec.role === "probability");
  const found = specs.findIndex((spec) => spec.role === "prediction");
  const at = found === -1 ? 0 : found;
  const numbers = outputs[at];
  const items = numbers?.shape[0] ?? 1;
  const isOneEach = numbers?.elements.length === items && numbers.dtype !== "BYTES";
  if (isClassifier || numbers === undefined || !isOneEach) {
    throw unsuited("regress: the model does not give one number for each example, use :predict");
  }
  const name = specs[at]?.name ?? "";
  const texts: string[] = [];
  for (let item = 0; item < items; item += 1) texts.push(elementJsonText(numbers, item, name));
  return `{"results":[${texts.join(",")}]}`;
}

function labelOf(spec: OutputSpec, index: number): string {
  const label = spec.labels?.[index];
  return label === undefined ? "" : String(label);
}

function unsuited(message: string): ServingError {
  return new ServingError("INVALID_INPUT", message, { field: "examples" });
}
