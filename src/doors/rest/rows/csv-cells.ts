/**
 * Cuts a CSV body into lines of cells (RFC 4180).
 *
 * Quoted cells may hold commas, quotes (doubled) and line ends. Blank lines are skipped. Lines may
 * end in LF or CRLF, the last one in nothing. A cell costs far more memory than its comma, so their
 * number is bounded while they are cut: 8 MB of commas took seconds and half a gigabyte.
 */
import { ServingError } from "../../../base/index.ts";

export interface Cell {
  readonly text: string;
}

export interface CsvBounds {
  /** Lines above this are refused (`requestItemsMax` and one of names). */
  readonly linesMax: number;
  /** Cells that a line may have; one more is left to the reader of rows, which says it better. */
  readonly cellsMax: number;
}

/**
 * @throws INVALID_REQUEST bytes that are no UTF-8, a quote that is not closed
 * @throws INVALID_INPUT more cells in a line @throws LIMIT_EXCEEDED more lines
 */
export function readCsvLines(bytes: Buffer, { linesMax, cellsMax }: CsvBounds): Cell[][] {
  const text = textOf(bytes);
  const lines: Cell[][] = [];
  const cursor = new Cursor(text, cellsMax);
  while (!cursor.isAtEnd) {
    const cells = cursor.readLine(lines.length);
    if (cells.length === 1 && cells[0]?.text === "") continue;
    if (lines.length === linesMax) {
      const rows = linesMax - 1;
      const message = `the body has more than ${rows} rows (requestItemsMax)`;
      throw new ServingError("LIMIT_EXCEEDED", message, { limit: "requestItemsMax" });
    }
    lines.push(cells);
  }
  return lines;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function textOf(bytes: Buffer): string {
  try {
    // Drops a byte order mark, which spreadsheets write.
    return decoder.decode(bytes);
  } catch {
    throw new ServingError("INVALID_REQUEST", "the body is no UTF-8, expected text/csv in UTF-8");
  }
}

class Cursor {
  readonly #text: string;
  readonly #cellsMax: number;
  #at = 0;

  constructor(text: string, cellsMax: number) {
    this.#text = text;
    this.#cellsMax = cellsMax;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The cells up to the end of the line, which is passed. */
  readLine(line: number): Cell[] {
    const cells: Cell[] = [];
    for (;;) {
      const isQuoted = this.#text[this.#at] === '"';
      cells.push({ text: isQuoted ? this.#quoted(line) : this.#plain() });
      if (this.#text[this.#at] !== ",") break;
      if (cells.length > this.#cellsMax) throw this.#tooMany(line);
      this.#at += 1;
    }
    if (this.#text[this.#at] === "\r") this.#at += 1;
    if (this.#text[this.#at] === "\n") this.#at += 1;
    return cells;
  }

  #plain(): string {
    const from = this.#at;
    while (!this.isAtEnd && !isEnd(this.#text.charCodeAt(this.#at))) this.#at += 1;
    return this.#text.slice(from, this.#at);
  }

  #quoted(line: number): string {
    let value = "";
    this.#at += 1;
    for (;;) {
      const close = this.#text.indexOf('"', this.#at);
      if (close === -1) throw this.#fault(line, "a quote is not closed");
      value += this.#text.slice(this.#at, close);
      this.#at = close + 1;
      if (this.#text[this.#at] !== '"') break;
      value += '"';
      this.#at += 1;
    }
    if (!this.isAtEnd && !isEnd(this.#text.charCodeAt(this.#at))) {
      throw this.#fault(line, "text behind a closed quote, expected a comma or the line's end");
    }
    return value;
  }

  #tooMany(line: number): ServingError {
    const field = `line[${line}]`;
    const most = this.#cellsMax;
    const message = `${field}: more than ${most + 1} values, expected at most ${most}`;
    return new ServingError("INVALID_INPUT", message, { field });
  }

  #fault(line: number, what: string): ServingError {
    return new ServingError("INVALID_REQUEST", `line[${line}]: ${what}`, {
      field: `line[${line}]`,
    });
  }
}

/** Comma, CR, LF. */
function isEnd(code: number): boolean {
  return code === 0x2c || code === 0x0d || code === 0x0a;
}
