/**
 * Finds the functions of a source text and measures them.
 *
 * Works on code with comments and strings blanked: a header is `function name(`, a method
 * `name(...) {` at the start of a line, or `name = (...) =>`; its body runs to the matching brace.
 */

export interface FunctionSize {
  readonly name: string;
  readonly lines: number;
  readonly parameters: number;
}

const words = "(?:static|async|override|get|set|private|readonly)";
const header = new RegExp(
  `(?:\\bfunction\\s*\\*?\\s*(\\w*)|^\\s+(?:${words}\\s+)*([#\\w]+))\\s*(?:<[^<>]*>)?\\(`,
  "gm",
);
const notMethods = new Set(["if", "for", "while", "switch", "catch", "return", "super", "await"]);

/** All functions with a body in braces. */
export function functionsOf(code: string): FunctionSize[] {
  const found: FunctionSize[] = [];
  for (const match of code.matchAll(header)) {
    const name = match[1] ?? match[2] ?? "";
    if (notMethods.has(name)) continue;
    const open = (match.index ?? 0) + match[0].length - 1;
    const close = matching(code, open);
    const body = bodyStart(code, close + 1);
    if (close === -1 || body === -1) continue;
    const end = matching(code, body);
    const lines = code.slice(match.index, end).trim().split("\n").length;
    found.push({ name, lines, parameters: countParameters(code.slice(open + 1, close)) });
  }
  return found;
}

const closers: Readonly<Record<string, string>> = { "(": ")", "{": "}", "[": "]" };

function matching(code: string, open: number): number {
  const opener = code[open] ?? "";
  const closer = closers[opener] ?? "";
  let depth = 0;
  for (let at = open; at < code.length; at += 1) {
    if (code[at] === opener) depth += 1;
    else if (code[at] === closer) depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** The brace that opens the body, after an optional return type; -1 when there is none. */
function bodyStart(code: string, from: number): number {
  let at = from;
  while (code[at] === " " || code[at] === "\n") at += 1;
  if (code[at] === "{") return at;
  if (code[at] !== ":") return -1;
  for (at += 1; at < code.length; at += 1) {
    const one = code[at] ?? "";
    if (one === ";" || one === "=") return -1;
    if (one === "{" && /[\w>\])}\]]\s*$/.test(code.slice(from, at))) return at;
    if (one === "{" || one === "(" || one === "[") at = matching(code, at);
  }
  return -1;
}

function countParameters(text: string): number {
  let depth = 0;
  let count = text.trim() === "" ? 0 : 1;
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at] ?? "";
    if (one === "=" && text[at + 1] === ">") at += 1;
    else if ("({[<".includes(one)) depth += 1;
    else if (")}]>".includes(one)) depth -= 1;
    else if (one === "," && depth === 0 && text.slice(at + 1).trim() !== "") count += 1;
  }
  return count;
}
