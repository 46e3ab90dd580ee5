/**
 * A model package as a table for people and as JSON for programs.
 */
import type {
  BatchLayout,
  InputSpec,
  Label,
  ModelPackage,
  OutputSpec,
  TensorSpec,
} from "../../model/index.ts";
import { escapeControls } from "../../observe/index.ts";
import { bytesText, columns } from "../terminal.ts";

/** Entries of a list that are shown; the rest is counted. */
const shownMax = 12;

/** The table of one version. */
export function packageTable(pack: ModelPackage): string {
  const { facts, settings, signature } = pack;
  const opsets = Object.entries(facts.opsets).map(([domain, version]) => `${domain} ${version}`);
  const operators = facts.operators.map(({ name, count }) =>
    count === 1 ? name : `${name} x${count}`,
  );
  const size = facts.externalFiles.reduce((sum, each) => sum + each.bytes, facts.fileBytes);
  const { batching } = settings;
  const rows: string[][] = [
    ["artifact", `${pack.artifactName}, ${bytesText(size)}`],
    ["digest", pack.digest],
    ["producer", facts.producer === "" ? "not said" : facts.producer],
    ["format", `${facts.format}, IR ${facts.irVersion}, opset ${opsets.join(", ")}`],
    ["graph", `${facts.nodeCount} nodes, ${facts.parameterCount} parameters`],
    ["operators", shown(operators)],
    ["batching", layoutText(signature.layout, batching.itemsMax)],
    ["runs as", `${settings.instances} x ${settings.threads} thread, ${settings.isolation}`],
  ];
  if (pack.description !== "") rows.push(["about", pack.description.split("\n", 1)[0] ?? ""]);
  for (const [key, value] of Object.entries(pack.metadata)) rows.push([key, String(value)]);
  const parts = [
    `${pack.name} ${pack.version}  (${pack.layout})`,
    columns(rows, "  "),
    `\n  inputs\n${columns(signature.inputs.map(inputRow), "    ")}`,
    `\n  outputs\n${columns(signature.outputs.map(outputRow), "    ")}`,
  ];
  if (pack.warnings.length > 0) {
    parts.push(
      `\n  warnings\n${pack.warnings.map((each) => `    ${escapeControls(each)}`).join("\n")}`,
    );
  }
  return parts.join("\n");
}

function shown(words: readonly string[]): string {
  const more = words.length - shownMax;
  const text = words.slice(0, shownMax).join(", ");
  return more > 0 ? `${text} and ${more} more` : text;
}

function layoutText(layout: BatchLayout, itemsMax: number): string {
  if (layout.kind === "none") return `each request runs alone: ${layout.reason}`;
  if (layout.kind === "fixed") return `always ${layout.items} items; short batches are filled up`;
  return itemsMax === 1 ? "switched off" : `up to ${itemsMax} items, once the probe agrees`;
}

function shapeText({ shape, dimNames }: TensorSpec): string {
  const parts = shape.map((size, index) => (size === -1 ? (dimNames[index] ?? "?") : `${size}`));
  return `[${parts.join(", ")}]`;
}

function inputRow(input: InputSpec): string[] {
  const notes: string[] = [];
  if (input.isOptional) notes.push("optional");
  if (input.columns !== undefined) notes.push(shown(input.columns.map(({ name }) => name)));
  if (input.min !== undefined) notes.push(`>= ${input.min}`);
  if (input.max !== undefined) notes.push(`<= ${input.max}`);
  const { lengthMin, lengthMax } = input;
  if (lengthMin !== undefined || lengthMax !== undefined) {
    notes.push(`${lengthMin ?? 0} to ${lengthMax ?? "any"} characters`);
  }
  if (input.steps.length > 0) notes.push(input.steps.join(", "));
  return [input.name, input.dtype, shapeText(input), notes.join("; ")];
}

function outputRow(output: OutputSpec): string[] {
  const labels = output.labels === undefined ? "" : shown(output.labels.map(String));
  return [output.name, output.dtype, shapeText(output), output.role, labels];
}

/** One version as plain JSON. */
export function packageJson(pack: ModelPackage): object {
  const { facts, settings, signature } = pack;
  return {
    name: pack.name,
    version: pack.version,
    layout: pack.layout,
    description: pack.description,
    artifact: pack.artifactName,
    digest: pack.digest,
    inputs: signature.inputs.map(({ columns: named, ...input }) => ({
      ...input,
      ...(named === undefined ? {} : { columns: named }),
    })),
    outputs: signature.outputs.map(({ labels, ...output }) => ({
      ...output,
      ...(labels === undefined ? {} : { labels: labels.map(labelJson) }),
    })),
    batching: { ...signature.layout, ...settings.batching },
    isolation: settings.isolation,
    instances: settings.instances,
    threads: settings.threads,
    metadata: pack.metadata,
    facts,
    warnings: pack.warnings,
  };
}

/** Whole numbers stay numbers where JSON can hold them. */
function labelJson(label: Label): string | number {
  if (typeof label === "string") return label;
  const number = Number(label);
  return Number.isSafeInteger(number) ? number : label.toString();
}
