/**
 * What the command line writes: answers on stdout, everything said to a person on stderr.
 *
 * So `millrace predict ... > answers.json` holds answers and nothing else. Colours and progress
 * only where a person looks.
 */

import { escapeControls } from "../observe/index.ts";

/** The exit codes of every command; `--help` and the reference page list them. */
export const exitCodes = {
  /** Done; for `serve`: stopped in order. */
  done: 0,
  /** It failed: a model did not load, a request was refused, a drain took too long. */
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
} as const;

/** Ends a command with a message and an exit code; caught in `main.ts`. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** Writes an answer. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Says something to the person at the terminal. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Columns of a terminal that does not tell its width. */
const widthDefault = 80;
const eraseLine = "\r\u001b[2K";

/**
 * One line that is written over; on a terminal only. Call `clear` before anything else is written.
 */
export class ProgressLine {
  readonly #isShown = process.stderr.isTTY === true;

  show(text: string): void {
    if (!this.#isShown) return;
    const width = process.stderr.columns || widthDefault;
    process.stderr.write(`${eraseLine}${text.slice(0, width - 1)}`);
  }

  clear(): void {
    if (this.#isShown) process.stderr.write(eraseLine);
  }
}

/**
 * Rows as aligned columns, two blanks apart, control characters escaped; the last is not padded.
 */
export function columns(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  const safe = rows.map((row) => row.map(escapeControls));
  for (const row of safe) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  return safe
    .map((row) => {
      const cells = row.map((cell, index) =>
        index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0),
      );
      return `${indent}${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}

/** `1.5 MiB` */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}
