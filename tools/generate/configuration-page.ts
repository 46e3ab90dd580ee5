/**
 * The reference of the configuration, its JSON Schema and the example file, from the schema.
 */
import { z } from "zod";
import { configSchema } from "../../src/app/config/schema.ts";
import { type Setting, sections, settings } from "../../src/app/config/settings.ts";
import { type LimitName, limitTable } from "../../src/base/index.ts";
import { generatedBy, generatedMark, markdownTable, typeText } from "./page-parts.ts";

interface SettingFacts {
  readonly description: string;
  readonly unit: string;
  readonly type: string;
  readonly fallback: unknown;
}

function factsOf(setting: Setting): SettingFacts {
  const meta = z.globalRegistry.get(setting.schema) ?? {};
  const json = z.toJSONSchema(setting.schema, { io: "input" });
  return {
    description: meta.description ?? "",
    unit: String(meta["unit"] ?? ""),
    type: typeText(json),
    fallback: json.default,
  };
}

function sectionText(section: string): string {
  const meta = z.globalRegistry.get(configSchema.shape[section as keyof typeof configSchema.shape]);
  return meta?.description ?? "";
}

function ofSection(section: string): Setting[] {
  return settings.filter((setting) => setting.section === section);
}

/** `docs/reference/configuration.md` */
export function configurationPage(): string {
  const parts = [
    generatedMark,
    "# Configuration",
    "",
    "A setting comes from the first of: a flag, an environment variable, the configuration",
    "file, its default. The file is the one named by `--config` or `MILLRACE_CONFIG`, else",
    "`millrace.yaml` in the working folder. `--set section.key=value` reaches every setting;",
    "there and in variables a list is written `a:b`, dialects also `a,b`, origins `a b`.",
    "`millrace serve --print-config` shows each value and where it came from. What is unknown",
    "is refused with a suggestion, and every problem is told at once. Limits have",
    "[a page of their own](limits.md), and so has [`model.yaml`](model-yaml.md), the file of one",
    "model. Editors check the file by its [JSON Schema](config.schema.json);",
    "[the example](../../millrace.example.yaml) holds every default.",
  ];
  for (const section of sections.filter((each) => each !== "limits")) {
    const rows = ofSection(section).map((setting) => {
      const { description, unit, type, fallback } = factsOf(setting);
      const value = fallback === null ? "unset" : `\`${JSON.stringify(fallback)}\``;
      return [`\`${setting.key}\``, type, value, unit, `\`${setting.variable}\``, description];
    });
    parts.push("", `## ${section}`, "", sectionText(section), "");
    parts.push(markdownTable(["key", "type", "default", "unit", "variable", "meaning"], rows));
  }
  return `${parts.join("\n")}\n`;
}

/** `docs/reference/limits.md` */
export function limitsPage(): string {
  const names = Object.keys(limitTable) as LimitName[];
  const rows = names.map((name) => {
    const row = limitTable[name];
    const code = row.code === undefined ? "nothing is refused" : `\`${row.code}\``;
    const range = `${numberText(row.min, row.unit)} to ${numberText(row.max, row.unit)}`;
    return [`\`${name}\``, numberText(row.default, row.unit), row.unit, range, code, row.meaning];
  });
  const parts = [
    generatedMark,
    "# Limits",
    "",
    "Each is a key of the section `limits` of the [configuration](configuration.md):",
    "`limits.queueItemsMax` in the file, `MILLRACE_LIMITS_QUEUE_ITEMS_MAX` in the environment.",
    "They are exported as `millrace_limit{name}`; each hit raises",
    "`millrace_limit_hits_total{name}`. What the codes mean stands on the page of",
    "[errors](errors.md).",
    "",
    markdownTable(["name", "default", "unit", "range", "when hit", "meaning"], rows),
  ];
  return `${parts.join("\n")}\n`;
}

/** `docs/reference/config.schema.json`: the input form, for editors. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, { io: "input", reused: "inline" });
  const { $schema, $defs = {} } = schema;
  const content = { $comment: generatedBy, $schema, ...$defs["config"] };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** `millrace.example.yaml`: every setting with its default, as comments. */
export function exampleFile(): string {
  const parts = [
    `# ${generatedBy} Copy what you need into millrace.yaml.`,
    "# yaml-language-server: $schema=docs/reference/config.schema.json",
  ];
  for (const section of sections) {
    parts.push("", `# ${sectionText(section)}`, `${section}:`);
    for (const setting of ofSection(section)) {
      const { description, unit, fallback } = factsOf(setting);
      const note = unit === "" ? description : `${description} (${unit})`;
      parts.push(`  # ${note}`, `  ${setting.key}: ${JSON.stringify(fallback)}`);
    }
  }
  return `${parts.join("\n")}\n`;
}

/** `8,388,608`, or for bytes `8 Mi` where it is a whole multiple. */
function numberText(value: number, unitName: string): string {
  if (unitName !== "byte") return value.toLocaleString("en-US");
  const units = ["", " Ki", " Mi", " Gi", " Ti"];
  let rest = value;
  let unit = 0;
  while (rest >= 1024 && rest % 1024 === 0 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${rest.toLocaleString("en-US")}${units[unit]}`;
}
