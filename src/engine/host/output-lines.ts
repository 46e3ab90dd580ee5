/**
 * Turns what a worker prints into log lines, within limits.
 *
 * A model or the engine may print anything, endlessly. Lines are cut at `lineLengthMax`; more than
 * `linesMax` in one interval of ten seconds are counted and dropped. The last lines of stderr are
 * kept, because they are the best word about why a worker died.
 */
import type { Clock } from "../../base/index.ts";

const lineLengthMax = 1_000;
const linesMax = 100;
const intervalMs = 10_000;
const tailLinesMax = 8;

export interface OutputLinesOptions {
  readonly clock: Clock;
  readonly onLine: (line: string) => void;
}

export class OutputLines {
  readonly #options: OutputLinesOptions;
  readonly #tail: string[] = [];
  #rest = "";
  #intervalAtMs: number;
  #lines = 0;
  #dropped = 0;

  constructor(options: OutputLinesOptions) {
    this.#options = options;
    this.#intervalAtMs = options.clock.nowMs();
  }

  /** The last lines, oldest first. */
  get tail(): string {
    return [...this.#tail, this.#rest].join("\n").trim();
  }

  push(text: string): void {
    const pieces = (this.#rest + text).split("\n");
    this.#rest = (pieces.pop() ?? "").slice(0, lineLengthMax);
    for (const piece of pieces) this.#line(piece.slice(0, lineLengthMax));
  }

  #line(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > tailLinesMax) this.#tail.shift();
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#intervalAtMs >= intervalMs) this.#newInterval(nowMs);
    this.#lines += 1;
    if (this.#lines > linesMax) this.#dropped += 1;
    else this.#options.onLine(line);
  }

  #newInterval(nowMs: number): void {
    if (this.#dropped > 0) this.#options.onLine(`(${this.#dropped} lines were dropped)`);
    this.#intervalAtMs = nowMs;
    this.#lines = 0;
    this.#dropped = 0;
  }
}
