/**
 * How files that people write are parsed, and what they are told when a schema refuses a value.
 *
 * `model.yaml` and `millrace.yaml` are read by the same rules and answered in the same words.
 */
import type { z } from "zod";
import { didYouMean, quote } from "../base/index.ts";

/** YAML 1.2 without its dangerous parts: no tags, keys once; errors keep their offset. */
export const yamlRules = {
  prettyErrors: false,
  uniqueKeys: true,
  schema: "core",
  resolveKnownTags: false,
} as const;

/** Aliases of one file at most; a bomb of aliases is refused before it unfolds. */
export const yamlAliasesMax = 100;

/** What was expected of a value the schema refused, with what it got. */
export function issueText(issue: z.core.$ZodIssue, value: unknown): string {
  return `${gotText(value)}, ${expectation(issue, value)}`;
}

function expectation(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${nouns.get(issue.expected) ?? issue.expected}`;
    case "too_small":
      return `expected at least ${issue.minimum}${sizeUnit(issue.origin)}`;
    case "too_big":
      return `expected at most ${issue.maximum}${sizeUnit(issue.origin)}`;
    case "invalid_value": {
      const names = issue.values.map(String);
      const hint = typeof value === "string" ? didYouMean(value, names) : "";
      return `expected ${names.length === 1 ? "" : "one of "}${names.join(", ")}${hint}`;
    }
    default:
      return issue.message;
  }
}

/** Static: what people call the types. */
const nouns: ReadonlyMap<string, string> = new Map([
  ["int", "a whole number"],
  ["number", "a number"],
  ["string", "text"],
  ["boolean", "true or false"],
  ["array", "a list"],
  ["object", "a mapping of keys"],
  ["record", "a mapping of keys"],
]);

function sizeUnit(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" ? " entries" : "";
}

function gotText(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "got nothing";
  if (Array.isArray(value)) return `got a list of ${value.length}`;
  if (typeof value === "object") return "got a mapping";
  return typeof value === "string" ? `got ${quote(value)}` : `got ${String(value)}`;
}
