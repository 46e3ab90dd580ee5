/**
 * Makes the signature of a version from the graph: what callers may send and what they get.
 *
 * Offered are tensors only. Inputs with a default (overridable initializers) are not offered,
 * because the engine's Node binding ignores what is sent for them. Outputs that are not tensors are
 * dropped with a warning as long as another output is left. Declared output shapes are advisory.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { type Dtype, dtypeTable } from "../../../tensor/index.ts";
import type { InputSpec, OutputSpec, Signature, TensorSpec } from "../../signature.ts";
import { dtypeOfElement, elementTypeName } from "../element-types.ts";
import type { OnnxModel } from "../onnx-model.ts";
import type { OnnxType, OnnxValue } from "../onnx-value.ts";
import { batchLayoutOf } from "./batch-layout.ts";
import { outputMeanings } from "./output-roles.ts";
import { findZipMaps, type ZipMap } from "./zip-maps.ts";

export interface DerivedSignature {
  readonly signature: Signature;
  /** ZipMaps whose scores the signature offers; the file has to be rewritten for them. */
  readonly zipMaps: readonly ZipMap[];
  /** Whole sentences for the operator. */
  readonly warnings: readonly string[];
}

type TensorType = Extract<OnnxType, { kind: "tensor" }>;

/** @throws MODEL_INVALID when the model cannot be offered, naming the input or output */
export function deriveSignature(model: OnnxModel): DerivedSignature {
  const warnings: string[] = [];
  const inputs = inputSpecs(model, warnings);
  const zipMaps = model.format === "onnx" ? findZipMaps(model.graph) : [];
  const declared = outputTensors(model, { inputs, zipMaps, warnings });
  const labels = new Map(zipMaps.map((each) => [each.output, each.labels]));
  const meanings = outputMeanings(declared, model.graph, labels);
  const outputs = declared.map((each, index): OutputSpec => {
    const { role, labels } = meanings[index] ?? { role: "other", labels: undefined };
    const spec = role === "prediction" ? widenLabel(each, inputs, warnings) : each;
    return { ...spec, role, labels };
  });
  const layout = batchLayoutOf(inputs, outputs);
  return { signature: { inputs, outputs, layout }, zipMaps, warnings };
}

function inputSpecs(model: OnnxModel, warnings: string[]): readonly InputSpec[] {
  // Bounded by the read budget.
  const defaults = new Set(model.graph.initializers.map((each) => each.name));
  const isOverridable = model.irVersion >= 4;
  const specs: InputSpec[] = [];
  for (const value of model.graph.inputs) {
    if (defaults.has(value.name)) {
      if (isOverridable && model.format === "onnx") {
        warnings.push(`input ${quote(value.name)} has a default in the file and is not offered`);
      }
      continue;
    }
    const type = tensorType("input", value);
    if (type.shape === undefined) {
      throw refusal(`input ${quote(value.name)} declares no shape; export the model with one`);
    }
    const spec = tensorSpec(value.name, dtypeOf("input", value.name, type), type.shape);
    specs.push({
      ...spec,
      isOptional: false,
      columns: undefined,
      min: undefined,
      max: undefined,
      lengthMin: undefined,
      lengthMax: undefined,
      steps: [],
    });
  }
  return specs;
}

interface OutputContext {
  readonly inputs: readonly TensorSpec[];
  readonly zipMaps: readonly ZipMap[];
  readonly warnings: string[];
}

function outputTensors(model: OnnxModel, context: OutputContext): readonly TensorSpec[] {
  const zipMaps = new Map(context.zipMaps.map((each) => [each.output, each]));
  const specs: TensorSpec[] = [];
  let dropped: string | undefined;
  for (const value of model.graph.outputs) {
    const zipMap = zipMaps.get(value.name);
    if (zipMap !== undefined) specs.push(scoresSpec(zipMap, context.inputs));
    else if (value.type !== undefined && value.type.kind !== "tensor") {
      dropped = `output ${quote(value.name)} is of kind ${value.type.kind}`;
      context.warnings.push(`${dropped}, which cannot be returned, and is not offered`);
    } else specs.push(outputSpec(value, context.warnings));
  }
  if (specs.length > 0) return specs;
  throw refusal(
    dropped === undefined
      ? "the graph has no outputs; export the model again"
      : `${dropped} and no other output is a tensor; export the model with tensor outputs`,
  );
}

function outputSpec(value: OnnxValue, warnings: string[]): TensorSpec {
  const type = tensorType("output", value);
  const dtype = dtypeOf("output", value.name, type);
  if (type.shape !== undefined) return tensorSpec(value.name, dtype, type.shape);
  warnings.push(`output ${quote(value.name)} declares no shape; it is shown as one of any length`);
  return tensorSpec(value.name, dtype, [undefined]);
}

function scoresSpec(zipMap: ZipMap, inputs: readonly TensorSpec[]): TensorSpec {
  const classes = zipMap.labels.length || undefined;
  const first = inputs[0];
  const isCommon = inputs.every((each) => each.shape[0] === first?.shape[0]);
  const size = isCommon ? first?.shape[0] : undefined;
  const items = size === undefined || size === -1 ? first?.dimNames[0] : size;
  return tensorSpec(zipMap.output, "FP32", [items, classes]);
}

function tensorType(place: string, value: OnnxValue): TensorType {
  if (value.name === "") throw refusal(`an ${place} has no name; export the model again`);
  if (value.type === undefined) {
    throw refusal(`${place} ${quote(value.name)} declares no type; export the model again`);
  }
  if (value.type.kind === "tensor") return value.type;
  throw refusal(
    `${place} ${quote(value.name)} is of kind ${value.type.kind}, and only tensors can be sent; ` +
      "export the model with tensor inputs",
  );
}

function dtypeOf(place: string, name: string, type: TensorType): Dtype {
  const dtype = dtypeOfElement(type.elementType);
  if (dtype !== undefined) return dtype;
  const found = elementTypeName(type.elementType);
  throw refusal(
    `${place} ${quote(name)} is ${found}, which the engine cannot exchange; ` +
      "cast it to float32 or an integer inside the model and export again",
  );
}

/** The engine's binding knows tensors as properties of an object; this name cannot be one. */
const namelessName = "__proto__";

function tensorSpec(
  name: string,
  dtype: Dtype,
  dims: readonly (number | string | undefined)[],
): TensorSpec {
  if (name === namelessName) {
    throw refusal(`an input or output is called ${quote(name)}; export it under another name`);
  }
  const shape = dims.map((each) => (typeof each === "number" ? each : -1));
  const dimNames = dims.map((each) => (typeof each === "string" ? each : undefined));
  return { name, dtype, shape, dimNames };
}

/**
 * Old exporters declare a classifier's label as `[1]` beside inputs of any length; the operator
 * gives one label an item.
 */
function widenLabel(
  output: TensorSpec,
  inputs: readonly TensorSpec[],
  warnings: string[],
): TensorSpec {
  const isDeclaredOne = output.shape.length === 1 && output.shape[0] === 1;
  const isOpen = inputs.length > 0 && inputs.every((each) => each.shape[0] === -1);
  if (!isDeclaredOne || !isOpen || dtypeTable[output.dtype].kind === "float") return output;
  warnings.push(`output ${quote(output.name)} is declared as [1] and read as one label an item`);
  return { ...output, shape: [-1], dimNames: [inputs[0]?.dimNames[0]] };
}

function refusal(message: string): ServingError {
  return new ServingError("MODEL_INVALID", message);
}
