/**
 * The TypeScript type of one row of a model, as the simple dialect takes it.
 *
 * A row is an object of named features where the signature names any, a list in signature order, or
 * a text. A list is not typed by its length: callers hold rows as `number[]`.
 */

import type { ColumnShape, InputShape, ModelShape } from "./model-shape.ts";
import { keyOf, scalarType } from "./type-words.ts";

/** The alternatives of a row, one a line. */
export function rowTypes(model: ModelShape): string[] {
  const [only, ...more] = model.inputs;
  if (only === undefined || more.length > 0) return fieldRows(model);
  const rowShape = rowShapeOf(only, model);
  if (only.datatype === "BYTES" && elementsOf(rowShape) === 1) return ["string"];
  if (only.datatype === "BYTES" || rowShape.length !== 1) return ["readonly FeatureValue[]"];
  const list = `readonly ${listElement(only.datatype)}[]`;
  if (only.columns === undefined) return [list, "NumericArray"];
  return [objectType(only.columns.map(columnLine)), list, "NumericArray"];
}

/** Several inputs: an object of them, or a list in their order. */
function fieldRows(model: ModelShape): string[] {
  const lines = model.inputs.map((input) => {
    const isScalar = elementsOf(rowShapeOf(input, model)) === 1;
    const type = isScalar ? scalarType(input.datatype) : "FeatureValue";
    return `${keyOf(input.name)}${input.isOptional ? "?" : ""}: ${type};`;
  });
  return [objectType(lines), "readonly FeatureValue[]"];
}

function objectType(lines: readonly string[]): string {
  return `{\n${lines.map((line) => `  ${line}`).join("\n")}\n}`;
}

function columnLine(column: ColumnShape): string {
  const rule = rangeText(column);
  const note = rule === "" ? "" : `/** ${rule} */ `;
  const key = `${keyOf(column.name)}${column.hasDefault ? "?" : ""}`;
  return `${note}${key}: ${scalarType(column.datatype)};`;
}

function rangeText({ min, max }: ColumnShape): string {
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `${min} or more`;
  return max === undefined ? "" : `${max} or less`;
}

function listElement(datatype: string): string {
  const scalar = scalarType(datatype);
  return scalar.includes(" ") ? `(${scalar})` : scalar;
}

function rowShapeOf(input: InputShape, model: ModelShape): readonly number[] {
  return model.isBatchable ? input.shape.slice(1) : input.shape;
}

/** Elements of one row; -1 when they vary. */
export function elementsOf(shape: readonly number[]): number {
  if (shape.some((size) => size < 0)) return -1;
  return shape.reduce((product, size) => product * size, 1);
}
