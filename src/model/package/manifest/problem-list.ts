/**
 * Collects everything that is wrong with one configuration file, to report it in one go.
 *
 * A person who mends a file wants all faults at once, each with its line. Files come from
 * strangers, so at most 20 are shown. Messages name the file as the package calls it, never by its
 * full path.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { isModelName } from "../identity.ts";

/** Problems shown, and problems noted before the rest is not even counted. */
const problemsMax = 20;
const notedMax = 1_000;

/** Keys from the top of the file to the fault; numbers count entries of a list from 0. */
export type KeyPath = readonly (string | number)[];

/** Finds the line (from 1) of a key; `undefined` when it is not in the file. */
export type LineOf = (path: KeyPath) => number | undefined;

export class ProblemList {
  readonly file: string;
  readonly #lineOf: LineOf;
  /** At most `notedMax`. */
  readonly #problems: { readonly line: number; readonly text: string }[] = [];

  /** @param file the file's name inside its package */
  constructor(file: string, lineOf: LineOf) {
    this.file = file;
    this.#lineOf = lineOf;
  }

  get count(): number {
    return this.#problems.length;
  }

  /** Notes a fault of a key; an empty path is the file as a whole. */
  add(path: KeyPath, message: string): void {
    const line = this.#lineOf(path);
    const key = path.length === 0 ? "" : `, ${keyText(path)}`;
    this.#note(line, `${key}: ${message}`);
  }

  /** Notes a fault of a line whose key is not known. */
  addAtLine(line: number | undefined, message: string): void {
    this.#note(line, `: ${message}`);
  }

  /** Throws MODEL_INVALID with every problem when there is one. */
  throwIfAny(): void {
    if (this.#problems.length === 0) return;
    const inOrder = this.#problems.toSorted((a, b) => a.line - b.line);
    const shown = inOrder.slice(0, problemsMax).map((each) => each.text);
    const more = inOrder.length - shown.length;
    if (more > 0) shown.push(`${this.file}: ${more} more problems`);
    throw new ServingError("MODEL_INVALID", shown.join("\n"));
  }

  #note(line: number | undefined, text: string): void {
    if (this.#problems.length >= notedMax) return;
    const place = line === undefined ? this.file : `${this.file} line ${line}`;
    if (this.#problems.at(-1)?.text === place + text) return;
    this.#problems.push({ line: line ?? 0, text: place + text });
  }
}

/** `inputs.features.columns[1].dtype`. */
export function keyText(path: KeyPath): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else text += `${text === "" ? "" : "."}${isModelName(key) ? key : quote(key)}`;
  }
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
