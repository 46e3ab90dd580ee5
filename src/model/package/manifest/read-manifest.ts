/**
 * Reads `model.yaml`: bytes in, a checked manifest out, or every problem with its line.
 *
 * YAML 1.2 without its dangerous parts: no tags, one document, keys once, aliases limited (a bomb
 * of aliases is refused before it unfolds), no `__proto__`. Unknown keys are errors, because a
 * misspelt limit that is ignored is a limit that does not hold.
 */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import type { z } from "zod";
import { didYouMean, quote, ServingError } from "../../../base/index.ts";
import { listed } from "../../input/check-shape.ts";
import { issueText, yamlAliasesMax, yamlRules } from "../../schema-words.ts";
import { type Manifest, manifestSchema } from "./manifest-schema.ts";
import { type KeyPath, ProblemList } from "./problem-list.ts";
import { childSchema, keysOf } from "./schema-walk.ts";

/** Size of a manifest at most, byte. */
export const manifestBytesMax = 1024 * 1024;

export interface ReadManifest {
  readonly manifest: Manifest;
  /** Takes what the artifact contradicts; throws when asked and something was noted. */
  readonly problems: ProblemList;
}

/**
 * Parses and checks a manifest. An empty file is a manifest of defaults.
 *
 * @param file its name inside the package, for messages
 * @throws MODEL_INVALID naming file, line and key of every problem
 */
export function readManifest(bytes: Uint8Array, file: string): ReadManifest {
  const text = textOf(bytes, file);
  const lines = new LineCounter();
  const document = parseDocument(text, { ...yamlRules, lineCounter: lines });
  const problems = new ProblemList(file, (path) => lineOf(document, lines, path));
  for (const each of [...document.errors, ...document.warnings]) {
    problems.addAtLine(lines.linePos(each.pos[0]).line, parserText(each.message));
  }
  problems.throwIfAny();
  const content = contentOf(document, problems);
  problems.throwIfAny();
  const parsed = manifestSchema.safeParse(content ?? {});
  if (!parsed.success) {
    for (const issue of parsed.error.issues) noteIssue(issue, content, problems);
    problems.throwIfAny();
  }
  checkVersionText(document, problems);
  problems.throwIfAny();
  return { manifest: parsed.data as Manifest, problems };
}

/** The manifest of a package that has none: defaults, and contradictions are not possible. */
export function defaultManifest(): ReadManifest {
  return {
    manifest: manifestSchema.parse({}),
    problems: new ProblemList("model.yaml", () => undefined),
  };
}

function textOf(bytes: Uint8Array, file: string): string {
  if (bytes.byteLength > manifestBytesMax) {
    const message = `${file}: ${bytes.byteLength} bytes, expected at most ${manifestBytesMax}`;
    throw new ServingError("MODEL_INVALID", message);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServingError("MODEL_INVALID", `${file}: expected UTF-8 text`, { cause });
  }
}

function contentOf(document: Document, problems: ProblemList): unknown {
  try {
    visit(document, {
      Pair(_key, pair) {
        const isHostile = isScalar(pair.key) && pair.key.value === "__proto__";
        if (isHostile) problems.add([], "the key __proto__ is not allowed");
      },
    });
    return document.toJS({ maxAliasCount: yamlAliasesMax });
  } catch (thrown) {
    // The alias limit, an unknown alias or the depth; the texts are the parser's own.
    problems.add([], thrown instanceof Error ? parserText(thrown.message) : "cannot be read");
    return undefined;
  }
}

/** `version: 1.0` is the number 1 to YAML, which is not what was meant. */
function checkVersionText(document: Document, problems: ProblemList): void {
  const node = isMap(document.contents) ? document.contents.get("version", true) : undefined;
  if (!isScalar(node) || typeof node.value !== "number") return;
  if (node.source === String(node.value)) return;
  const text = quote(node.source ?? "");
  problems.add(["version"], `got ${text}, expected a SemVer such as 1.2.0 or a whole number`);
}

function noteIssue(issue: z.core.$ZodIssue, content: unknown, problems: ProblemList): void {
  const path = issue.path.filter((key) => typeof key !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const known = keysOf(childSchema(manifestSchema, path));
    for (const key of issue.keys) {
      const hint = didYouMean(key, known) || `; expected ${listed(known)}`;
      problems.add([...path, key], `unknown key ${quote(key)}${hint}`);
    }
    return;
  }
  const value = valueAt(content, path);
  problems.add(path, issueText(issue, value));
}

function valueAt(content: unknown, path: KeyPath): unknown {
  let value = content;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}

/** The line of the key itself, or of the last key on the way that the file has. */
function lineOf(document: Document, lines: LineCounter, path: KeyPath): number | undefined {
  let node: unknown = document.contents;
  let offset = isMap(node) || isSeq(node) ? node.range?.[0] : 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = pairOf(node, String(key));
      if (pair === undefined) break;
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.get(Number(key), true);
      offset = (isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : offset) ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
}

/** The first line of a parser's message; the parser ends too deep nesting by the stack. */
function parserText(text: string): string {
  if (text.includes("call stack")) return "nested too deeply";
  if (text.startsWith("Excessive alias")) return `more than ${yamlAliasesMax} uses of aliases`;
  if (text.includes("multiple documents")) return "expected one document, got several";
  return text.split("\n", 1)[0] ?? "";
}
