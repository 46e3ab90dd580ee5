/**
 * Which output answers for examples: the scores of their classes, or one number for each.
 */
import { ServingError } from "../../base/index.ts";
import type { OutputSpec } from "../../model/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/** An output that answers, with what is known of it. */
export interface ExamplesOutput {
  readonly tensor: Tensor;
  readonly spec: OutputSpec;
}

/** @throws INVALID_INPUT when the model has no scores */
export function classScores(
  outputs: readonly Tensor[],
  specs: readonly OutputSpec[],
): ExamplesOutput {
  const at = specs.findIndex((spec) => spec.role === "probability");
  const tensor = outputs[at];
  const spec = specs[at];
  if (tensor !== undefined && spec !== undefined) return { tensor, spec };
  throw unsuited("classify: the model gives no scores of classes: ask it to predict");
}

/** @throws INVALID_INPUT when the model gives classes, or not one number for each example */
export function regressionNumbers(
  outputs: readonly Tensor[],
  specs: readonly OutputSpec[],
): ExamplesOutput {
  const isClassifier = specs.some((spec) => spec.role === "probability");
  const found = specs.findIndex((spec) => spec.role === "prediction");
  const at = found === -1 ? 0 : found;
  const tensor = outputs[at];
  const spec = specs[at];
  const isOneEach = tensor?.elements.length === (tensor?.shape[0] ?? 1) && tensor.dtype !== "BYTES";
  if (!isClassifier && tensor !== undefined && spec !== undefined && isOneEach) {
    return { tensor, spec };
  }
  throw unsuited("regress: the model does not give one number for each example: ask it to predict");
}

function unsuited(message: string): ServingError {
  return new ServingError("INVALID_INPUT", message, { field: "examples" });
}

/** The label of class `index`; "" when it has none. */
export function classLabel({ labels }: OutputSpec, index: number): string {
  const label = labels?.[index];
  return label === undefined ? "" : String(label);
}
