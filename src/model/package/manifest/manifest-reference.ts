/**
 * The reference of `model.yaml`, made from its schema: a JSON Schema for editors and a page for
 * people. Whoever changes the schema runs the generator again; nothing is written by hand.
 */
import { z } from "zod";
import { manifestSchema } from "./manifest-schema.ts";

/** The part of a JSON Schema that the page shows. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly unit?: string;
  readonly since?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** JSON Schema (draft 2020-12) of what may stand in a `model.yaml`. */
export function manifestJsonSchema(): object {
  const schema = z.toJSONSchema(manifestSchema, { io: "input", reused: "inline" });
  const defs = schema.$defs as Readonly<Record<string, object>> | undefined;
  const { $schema, ...body } = { ...schema, ...defs?.["model"] } as Record<string, unknown>;
  const { $ref: _ref, $defs: _defs, id: _id, ...rest } = body;
  return { $schema, ...rest };
}

/** A Markdown table of all keys: key, type, default, unit, meaning. */
export function manifestReference(): string {
  const rows: string[] = [];
  addRows(rows, "", manifestJsonSchema() as JsonSchema);
  return [
    "| key | type | default | unit | since | meaning |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function addRows(rows: string[], prefix: string, schema: JsonSchema): void {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    rows.push(rowOf(path, child));
    addInner(rows, path, child);
  }
}

/** What stands below a key: its own keys, those of each entry of a list or of a mapping. */
function addInner(rows: string[], path: string, schema: JsonSchema): void {
  if (schema.properties !== undefined) addRows(rows, path, schema);
  if (schema.items?.properties !== undefined) addRows(rows, `${path}[]`, schema.items);
  const { additionalProperties } = schema;
  if (typeof additionalProperties === "object" && additionalProperties.properties !== undefined) {
    addRows(rows, `${path}.<name>`, additionalProperties);
  }
}

function rowOf(path: string, schema: JsonSchema): string {
  const fallback = isPlain(schema.default) ? `\`${String(schema.default)}\`` : "";
  const cells = [
    `\`${path}\``,
    typeText(schema).replaceAll("|", "\\|"),
    fallback,
    schema.unit ?? "",
    schema.since ?? "",
    (schema.description ?? "").replaceAll("|", "\\|"),
  ];
  return `| ${cells.join(" | ")} |`;
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function typeText(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((each) => `\`${each}\``).join(", ");
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(" or ");
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}`;
  const type = typeof schema.type === "string" ? schema.type : (schema.type ?? []).join(" or ");
  return type + rangeText(schema);
}

function rangeText({ minimum, maximum }: JsonSchema): string {
  const isOpenBelow = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER;
  const isOpenAbove = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER;
  if (isOpenBelow && isOpenAbove) return "";
  if (isOpenAbove) return `, at least ${minimum}`;
  return isOpenBelow ? `, at most ${maximum}` : `, ${minimum} to ${maximum}`;
}
