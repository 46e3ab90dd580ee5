/**
 * How the demo looks: a few styles, fitted lines, a progress line.
 *
 * Colours only on a terminal and never under NO_COLOR (no-color.org); the progress line rewrites
 * itself on a terminal and is a line of its own elsewhere. Nothing here knows what is shown.
 */

const isTerminal = process.stdout.isTTY === true;
const hasColour =
  isTerminal && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";

/** Columns of a line; what is piped away gets the width of a page. */
const columnsMin = 60;
const columnsMax = 120;
const columnsElsewhere = 100;

function style(open: number, close: number): (text: string) => string {
  return (text) => (hasColour ? `\x1b[${open}m${text}\x1b[${close}m` : text);
}

export const bold = style(1, 22);
export const dim = style(2, 22);
export const green = style(32, 39);
export const red = style(31, 39);
export const cyan = style(36, 39);

/** Width of the page, columns. */
export function pageColumns(): number {
  const columns = isTerminal ? (process.stdout.columns ?? columnsElsewhere) : columnsElsewhere;
  return Math.min(columnsMax, Math.max(columnsMin, columns));
}

/** Text of another program, without its colours where we show none. */
export function asShown(text: string): string {
  if (hasColour) return text;
  const [head = "", ...parts] = text.split("\x1b[");
  return head + parts.map((part) => part.slice(part.indexOf("m") + 1)).join("");
}

/** One line of text. */
export function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** `text` in at most `columns`, its end cut. */
export function cut(text: string, columns: number): string {
  const plain = text.replaceAll("\n", " ");
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(0, columns - 3))}...`;
}

/** The same, but with the middle cut, so that the end of an answer is seen too. */
export function cutMiddle(text: string, columns: number): string {
  const plain = text.replaceAll("\n", " ");
  if (plain.length <= columns) return plain;
  const tail = Math.floor((columns - 5) / 3);
  return `${plain.slice(0, columns - 5 - tail)} ... ${plain.slice(-tail)}`;
}

/** A table of aligned cells; `right` names the columns that are numbers. */
export function table(rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return right.includes(at) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

/** A bar of `share` (0 to 1) of `columns`. */
export function bar(share: number, columns: number): string {
  const cells = Math.round(share * columns);
  return "#".repeat(share > 0 ? Math.max(1, cells) : 0);
}

/** A line that says what is being waited for. */
export class ProgressLine {
  readonly #what: string;
  readonly #startedAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(what: string) {
    this.#what = what;
    if (!isTerminal) {
      say(`  ${what} ...`);
      return;
    }
    this.#write();
    this.#timer = setInterval(() => this.#write(), 100);
  }

  /** Seconds since it was shown, as text. */
  get seconds(): string {
    return ((performance.now() - this.#startedAtMs) / 1000).toFixed(1);
  }

  /** Takes the line away. */
  end(): void {
    clearInterval(this.#timer);
    if (isTerminal) process.stdout.write("\r\x1b[K");
  }

  #write(): void {
    process.stdout.write(`\r\x1b[K  ${dim(`${this.#what} ... ${this.seconds} s`)}`);
  }
}
