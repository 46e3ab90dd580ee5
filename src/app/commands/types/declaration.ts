/**
 * Writes the declaration that teaches the TypeScript client a server's models.
 *
 * It adds to the interface `MillraceModels` of `@millrace/client` (declaration merging), so a
 * program needs no import of it and no type argument: the file only has to be part of the
 * compilation.
 */
import type { ModelShape, OutputShape } from "./model-shape.ts";
import { elementsOf, rowTypes } from "./row-type.ts";
import { keyOf, scalarType } from "./type-words.ts";

/** Labels that are written as a union; more of them say less than their type. */
const labelsMax = 64;

/** The text of the `.d.ts`. */
export function writeDeclaration(models: readonly ModelShape[]): string {
  const entries = models.map(modelEntry).join("\n");
  const used = ["FeatureValue", "NumericArray"].filter((name) => entries.includes(name));
  const imports =
    used.length === 0
      ? "export {};"
      : `import type { ${used.join(", ")} } from "@millrace/client";`;
  return `// Written by \`millrace types\`: write it again when the models change.
${imports}

declare module "@millrace/client" {
  interface MillraceModels {
${indent(entries, "    ")}
  }
}
`;
}

function modelEntry(model: ModelShape): string {
  const rows = rowTypes(model);
  const listed = rows.map((each) => `\n  | ${indent(each, "    ").trimStart()}`).join("");
  const row = rows.length === 1 ? ` ${rows[0]}` : listed;
  const lines = [
    `row:${row};`,
    `prediction: ${predictionType(model)};`,
    `inputs: ${tensorTypes(model.inputs)};`,
    `outputs: ${tensorTypes(model.outputs)};`,
  ];
  const body = lines.map((line) => indent(line, "  ")).join("\n");
  return `/** Version ${model.version}. */\n${keyOf(model.name)}: {\n${body}\n};`;
}

function indent(text: string, by: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : by + line))
    .join("\n");
}

function tensorTypes(
  tensors: readonly { readonly name: string; readonly datatype: string }[],
): string {
  if (tensors.length === 0) return "{}";
  const parts = tensors.map(({ name, datatype }) => `${keyOf(name)}: ${JSON.stringify(datatype)}`);
  return `{ ${parts.join("; ")} }`;
}

/** What the simple dialect answers for one row. */
function predictionType(model: ModelShape): string {
  const scores = model.outputs.find(({ role }) => role === "probability");
  const named = model.outputs.find(({ role }) => role === "prediction");
  const answer = named ?? (scores === undefined ? model.outputs[0] : undefined);
  const labels = scores?.labels;
  if (answer === undefined) return labels === undefined ? "number" : labelUnion(labels, isWhole);
  return outputType(answer, model, labels);
}

function outputType(
  output: OutputShape,
  model: ModelShape,
  labels: readonly string[] | undefined,
): string {
  const scalar = scalarType(output.datatype);
  const count = elementsOf(model.isBatchable ? output.shape.slice(1) : output.shape);
  if (count === 1) return labels === undefined ? scalar : labelTypes(output.datatype, labels);
  const element = scalar.includes(" ") ? `(${scalar})` : scalar;
  return count === -1 ? `${scalar} | readonly ${element}[]` : `readonly ${element}[]`;
}

/** The labels themselves where the predictions are labels, else the type of an element. */
function labelTypes(datatype: string, labels: readonly string[]): string {
  const general = scalarType(datatype);
  if (labels.length === 0 || labels.length > labelsMax) return general;
  if (datatype === "BYTES") return labelUnion(labels, () => false);
  const isInteger = datatype.includes("INT");
  return isInteger && labels.every(isWhole) ? labelUnion(labels, isWhole) : general;
}

function labelUnion(labels: readonly string[], isNumber: (label: string) => boolean): string {
  if (labels.length === 0 || labels.length > labelsMax) return "number | string";
  const asNumbers = labels.every(isNumber);
  return labels.map((label) => (asNumbers ? label : JSON.stringify(label))).join(" | ");
}

/** True for the text of a whole number that a number holds. */
function isWhole(label: string): boolean {
  return Number.isSafeInteger(Number(label)) && String(Number(label)) === label;
}
