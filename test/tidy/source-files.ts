/**
 * The project's own sources as `tidy` sees them: text, text without comments and strings, imports.
 *
 * TypeScript 7 offers scripts no compiler API, so this is a scanner of a hundred lines. It knows
 * comments, strings, templates and regular expressions well enough to blank them out; it does not
 * know types.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

export interface SourceFile {
  /** Path from the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments, strings and regular expressions blanked; same length and lines. */
  readonly code: string;
  /** Regular expression literals in order. */
  readonly regexes: readonly string[];
  /** Paths from the root of imported files; packages and `node:` are left out. */
  readonly imports: readonly string[];
}

/** All `.ts` files below `folder`, by path. */
export function readSources(folder: string): SourceFile[] {
  const found: SourceFile[] = [];
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    found.push(readSource(relative(root, join(entry.parentPath, entry.name))));
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  const { code, regexes } = blank(text);
  return { path, text, code, regexes, imports: importsOf(path, text) };
}

const importPattern = /(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

function importsOf(path: string, text: string): string[] {
  const imports: string[] = [];
  for (const match of text.matchAll(importPattern)) {
    imports.push(relative(root, resolve(root, dirname(path), match[1] ?? "")));
  }
  return imports;
}

/** Blanks comments, strings and regular expressions. Template texts go, their `${}` code stays. */
function blank(text: string): { code: string; regexes: string[] } {
  const out = text.split("");
  const regexes: string[] = [];
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  const wipe = (from: number, to: number): void => {
    for (let index = from; index < to; index += 1) if (out[index] !== "\n") out[index] = " ";
  };
  const template = (from: number): number => {
    let end = from;
    while (end < text.length && text[end] !== "`") {
      if (text[end] === "\\") end += 1;
      else if (text[end] === "$" && text[end + 1] === "{") {
        templates.push(depth);
        depth += 1;
        wipe(from, end);
        return end + 2;
      }
      end += 1;
    }
    wipe(from, end);
    return end + 1;
  };
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text[at] ?? "";
    let end = at + 1;
    if (two === "//") {
      end = text.indexOf("\n", at);
      if (end === -1) end = text.length;
      wipe(at, end);
    } else if (two === "/*") {
      end = text.indexOf("*/", at + 2) + 2;
      wipe(at, end);
    } else if (one === '"' || one === "'") {
      end = closing(text, at + 1, one);
      wipe(at + 1, end - 1);
    } else if (one === "`") {
      end = template(at + 1);
    } else if (one === "{") {
      depth += 1;
    } else if (one === "}") {
      depth -= 1;
      if (templates.at(-1) === depth) {
        templates.pop();
        end = template(at + 1);
      }
    } else if (one === "/" && startsRegex(text, at)) {
      end = regexEnd(text, at + 1);
      regexes.push(text.slice(at, end));
      wipe(at + 1, end);
    }
    at = end;
  }
  return { code: out.join(""), regexes };
}

function closing(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") {
    at += text[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}

/** A slash starts a regular expression when no value stands before it. */
function startsRegex(text: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (text[before] === " " || text[before] === "\n")) before -= 1;
  const character = text[before] ?? "";
  if (/[\w$)\]"'`]/.test(character))
    return /\b(?:return|case|typeof)$/.test(text.slice(0, before + 1));
  return true;
}

function regexEnd(text: string, from: number): number {
  let at = from;
  let isClass = false;
  while (at < text.length && text[at] !== "\n") {
    const one = text[at];
    if (one === "\\") at += 1;
    else if (one === "[") isClass = true;
    else if (one === "]") isClass = false;
    else if (one === "/" && !isClass) break;
    at += 1;
  }
  at += 1;
  while (/[a-z]/.test(text[at] ?? "")) at += 1;
  return at;
}
