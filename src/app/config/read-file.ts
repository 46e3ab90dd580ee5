/**
 * Reads `millrace.yaml` into settings, each with its line.
 *
 * The parser is loaded only when there is a file. Two levels, no tags, one document, keys once; an
 * unknown section or key is a problem with a suggestion, never ignored.
 */
import { didYouMean, quote } from "../../base/index.ts";
import { yamlAliasesMax, yamlRules } from "../../model/index.ts";
import { findSetting, sections, settings } from "./settings.ts";

/** Bytes of a configuration file at most. */
const fileBytesMax = 1024 * 1024;

/** A value that was given, and where. */
export interface GivenValue {
  readonly setting: string;
  readonly value: unknown;
  /** `flag --port`, `MILLRACE_SERVER_PORT`, `millrace.yaml line 3` */
  readonly origin: string;
}

export interface FileContent {
  readonly values: readonly GivenValue[];
  readonly problems: readonly string[];
}

/** @param file the file's name as it is shown */
export async function readConfigText(text: string, file: string): Promise<FileContent> {
  if (text.length > fileBytesMax) {
    return { values: [], problems: [`${file}: larger than ${fileBytesMax} bytes`] };
  }
  const { isMap, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { ...yamlRules, lineCounter: lines });
  const lineAt = (offset: number): string => `${file} line ${lines.linePos(offset).line}`;
  const faults = [...document.errors, ...document.warnings].map(
    ({ pos, message }) => `${lineAt(pos[0])}: ${message.split("\n", 1)[0]}`,
  );
  if (faults.length > 0) return { values: [], problems: faults };

  const entriesOf = (node: unknown): Entry[] | undefined => {
    if (!isMap(node)) return undefined;
    return node.items.map(({ key, value }) => ({
      key: isScalar(key) ? String(key.value) : "",
      place: lineAt(isScalar(key) ? (key.range?.[0] ?? 0) : 0),
      value: isNode(value) ? value.toJS(document, { maxAliasCount: yamlAliasesMax }) : null,
      entries: () => entriesOf(value),
    }));
  };
  const { contents } = document;
  const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
  if (isEmpty) return { values: [], problems: [] };
  const root = entriesOf(contents);
  if (root !== undefined) return readSections(root);
  return { values: [], problems: [`${file}: expected a mapping of sections`] };
}

/** One key of a mapping. */
interface Entry {
  readonly key: string;
  readonly place: string;
  readonly value: unknown;
  /** The entries below it, or `undefined` when it is no mapping. */
  entries(): Entry[] | undefined;
}

interface ValueNode {
  toJS(document: unknown, options: { maxAliasCount: number }): unknown;
}

function isNode(value: unknown): value is ValueNode {
  return typeof value === "object" && value !== null && "toJS" in value;
}

function readSections(root: readonly Entry[]): FileContent {
  const values: GivenValue[] = [];
  const problems: string[] = [];
  for (const section of root) {
    const { key, place, value } = section;
    const entries = section.entries();
    if (!sections.includes(key)) problems.push(`${place}: ${unknownKey(key, sections)}`);
    else if (entries !== undefined) readSection(key, entries, { values, problems });
    else if (value !== null) problems.push(`${place}: ${key}: expected a mapping of keys`);
  }
  return { values, problems };
}

function readSection(
  section: string,
  entries: readonly Entry[],
  into: { readonly values: GivenValue[]; readonly problems: string[] },
): void {
  for (const { key, place, value } of entries) {
    const setting = `${section}.${key}`;
    const isKnown = findSetting(setting) !== undefined;
    if (isKnown) into.values.push({ setting, value, origin: place });
    else into.problems.push(`${place}: ${section}: ${unknownKey(key, keysOf(section))}`);
  }
}

function keysOf(section: string): string[] {
  return settings.filter((each) => each.section === section).map((each) => each.key);
}

/** `unknown key 'prot'; did you mean 'port'?` */
function unknownKey(key: string, known: readonly string[]): string {
  const hint = didYouMean(key, known) || `; expected one of ${known.join(", ")}`;
  return `unknown key ${quote(key)}${hint}`;
}
