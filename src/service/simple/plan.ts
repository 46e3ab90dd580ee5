/**
 * How the simple dialect reads and writes one version, worked out once at load.
 *
 * The dialect speaks of features, predictions and probabilities; a signature speaks of tensors. The
 * plan says which tensor or column each feature is, what one row looks like, and which outputs are
 * the prediction and the scores. It is plain data, so that it can be handed to a parsing thread.
 */
import type { ColumnSpec, InputSpec, Label, Signature } from "../../model/index.ts";
import type { Dtype } from "../../tensor/index.ts";

/** One input as the dialect sees it. */
export interface FeatureInput {
  readonly name: string;
  readonly dtype: Dtype;
  /** Shape of one row: the tensor's shape without the item dimension; -1 is any size. */
  readonly rowShape: readonly number[];
  /** Elements of one row, or -1 when its shape is not fixed. */
  readonly rowElements: number;
  readonly isOptional: boolean;
  readonly columns: readonly ColumnSpec[] | undefined;
}

export interface SimplePlan {
  readonly inputs: readonly FeatureInput[];
  /**
   * - `columns`: one input, each row a list of numbers, named or not
   * - `fields`: several inputs of one element a row; a row is a list in signature order or an
   *   object
   * - `text`: one BYTES input of one element a row
   * - `tensor`: one input of any other shape; a row is a nested list
   */
  readonly kind: "columns" | "fields" | "text" | "tensor";
  /** Names that an object row may use, in order; empty when the signature names none. */
  readonly fieldNames: readonly string[];
  /** False when a request is one item whatever its shape. */
  readonly isBatchable: boolean;
  /** Index of the output that is the prediction, or -1 when it is the best class. */
  readonly prediction: number;
  /** Index of the output with the scores, or -1. */
  readonly probability: number;
  readonly labels: readonly Label[] | undefined;
}

/** The plan of a signature. */
export function makeSimplePlan(signature: Signature): SimplePlan {
  const isBatchable = signature.layout.kind !== "none";
  const inputs = signature.inputs.map((input) => featureInput(input, isBatchable));
  const outputs = signature.outputs;
  const probability = outputs.findIndex((output) => output.role === "probability");
  let prediction = outputs.findIndex((output) => output.role === "prediction");
  if (prediction === -1 && probability === -1) prediction = 0;
  const kind = planKind(inputs);
  return {
    inputs,
    kind,
    fieldNames: fieldNames(inputs, kind),
    isBatchable,
    prediction,
    probability,
    labels: outputs[probability]?.labels,
  };
}

function featureInput(input: InputSpec, isBatchable: boolean): FeatureInput {
  const rowShape = isBatchable ? input.shape.slice(1) : input.shape;
  const isFixed = rowShape.every((dimension) => dimension >= 0);
  return {
    name: input.name,
    dtype: input.dtype,
    rowShape,
    rowElements: isFixed ? rowShape.reduce((product, each) => product * each, 1) : -1,
    isOptional: input.isOptional,
    columns: input.columns,
  };
}

function planKind(inputs: readonly FeatureInput[]): SimplePlan["kind"] {
  const [only, ...more] = inputs;
  if (only === undefined) return "fields";
  if (more.length > 0) return "fields";
  if (only.dtype === "BYTES" && only.rowElements === 1) return "text";
  if (only.dtype !== "BYTES" && only.rowShape.length === 1) return "columns";
  return "tensor";
}

function fieldNames(inputs: readonly FeatureInput[], kind: SimplePlan["kind"]): readonly string[] {
  const only = inputs[0];
  if (kind === "fields") return inputs.map((input) => input.name);
  if (kind === "columns") return only?.columns?.map((column) => column.name) ?? [];
  return only === undefined ? [] : [only.name];
}
