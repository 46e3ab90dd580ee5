/**
 * What is wrong with a configuration, in words that say where and what to write instead.
 *
 * All problems are reported in one go. A place is a flag, a variable, or a file with its line.
 */
import type { z } from "zod";
import { didYouMean, quote } from "../../base/index.ts";

/** Everything that is wrong; the command prints it and ends with exit code 2. */
export class ConfigError extends Error {
  /** `millrace.yaml line 3: server.prot: unknown key 'prot'; did you mean 'port'?` */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

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
const nouns = new Map([
  ["int", "a whole number"],
  ["number", "a number"],
  ["string", "text"],
  ["boolean", "true or false"],
  ["array", "a list"],
  ["object", "a mapping of keys"],
]);

function sizeUnit(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" ? " entries" : "";
}

function gotText(value: unknown): string {
  if (value === undefined || value === null) return "got nothing";
  if (Array.isArray(value)) return `got a list of ${value.length}`;
  if (typeof value === "object") return "got a mapping";
  return typeof value === "string" ? `got ${quote(value)}` : `got ${String(value)}`;
}
