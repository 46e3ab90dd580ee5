/**
 * Keeps one kind of log line from filling the log: a few a second go through, the rest are counted.
 *
 * An overloaded server refuses thousands of requests a second; each refusal stands in the counters,
 * and the log needs only to say that it happens, why, and how often. A pure decision over the time
 * that is passed in; bounded by the number of error codes.
 */
import type { ErrorCode } from "../base/index.ts";

const windowMs = 1_000;
const linesMax = 5;

interface Window {
  startedAtMs: number;
  lines: number;
  suppressed: number;
}

export class RepeatGate {
  /** One entry per error code. */
  readonly #windows = new Map<ErrorCode, Window>();

  /**
   * Lines of this code that were held back since the last one shown, when this one may be shown;
   * `undefined` when it is held back too.
   */
  pass(code: ErrorCode, nowMs: number): number | undefined {
    const window = this.#windows.get(code) ?? { startedAtMs: nowMs, lines: 0, suppressed: 0 };
    this.#windows.set(code, window);
    if (nowMs - window.startedAtMs >= windowMs) {
      window.startedAtMs = nowMs;
      window.lines = 0;
    }
    if (window.lines >= linesMax) {
      window.suppressed += 1;
      return undefined;
    }
    window.lines += 1;
    const { suppressed } = window;
    window.suppressed = 0;
    return suppressed;
  }
}
