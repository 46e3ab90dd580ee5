/**
 * The project's documents as the tidy test sees them: titles, links, code blocks.
 *
 * Knows as much Markdown as these documents use: fenced code, ATX headings, inline links, inline
 * code. Fenced text is never searched for titles or links.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./source-files.ts";

export interface Link {
  readonly text: string;
  readonly target: string;
  /** From 1. */
  readonly line: number;
}

export interface Block {
  /** What stands after the fence: `sh`, `text`, `json`; "" when nothing does. */
  readonly language: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

export interface Document {
  /** Path from the root, with `/`. */
  readonly path: string;
  readonly titles: readonly string[];
  /** The anchors of all headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly Link[];
  readonly blocks: readonly Block[];
}

const notOurs = new Set(["node_modules", "dist", ".cache", ".git", "coverage"]);

/** Every `.md` file of the checkout, by path. */
export function readDocuments(): Document[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !notOurs.has(entry.name)) walk(path);
      else if (entry.isFile() && entry.name.endsWith(".md")) found.push(path);
    }
  };
  walk("");
  return found.sort().map((path) => parse(path, readFileSync(join(root, path), "utf8")));
}

/** One document from the root (`README.md`). */
export function readDocument(path: string): Document {
  return parse(path, readFileSync(join(root, path), "utf8"));
}

function parse(path: string, text: string): Document {
  const titles: string[] = [];
  const anchors = new Set<string>();
  const links: Link[] = [];
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trimStart().startsWith("```")) {
      if (open === undefined) {
        open = { language: line.trim().slice(3), line: index + 1, lines: [] };
      } else {
        blocks.push({ language: open.language, line: open.line, text: open.lines.join("\n") });
        open = undefined;
      }
    } else if (open !== undefined) open.lines.push(line);
    else {
      const heading = /^(#{1,6}) (.*)$/.exec(line);
      if (heading?.[1] === "#") titles.push(heading[2] ?? "");
      if (heading !== null) anchors.add(anchorOf(heading[2] ?? ""));
      links.push(...linksOf(line, index + 1));
    }
  }
  return { path, titles, anchors, links, blocks };
}

function linksOf(line: string, number: number): Link[] {
  const links: Link[] = [];
  for (const match of line.matchAll(/\[([^[\]]*)\]\(([^()\s]+)\)/g)) {
    links.push({ text: match[1] ?? "", target: match[2] ?? "", line: number });
  }
  return links;
}

/** GitHub's anchor of a heading: lower case, punctuation dropped, spaces to hyphens. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** True when TypeScript text declares `name`: a function, class, type, constant or member. */
export function declares(code: string, name: string): boolean {
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const modifiers = "(?:(?:static|async|override|get|set|readonly|private)\\s+)*";
  const patterns = [
    `\\b(?:function\\*?|class|const|let|interface|type)\\s+${escaped}\\b`,
    `^\\s+${modifiers}${escaped}\\s*(?:<[^<>]*>)?\\(`,
    `^\\s+${modifiers}${escaped}\\s*[:=]`,
  ];
  return patterns.some((pattern) => new RegExp(pattern, "m").test(code));
}
