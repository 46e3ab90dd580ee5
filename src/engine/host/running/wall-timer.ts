/**
 * Wakes the watch of a worker when its oldest operation has had its time.
 *
 * One timer, set anew only when an operation is due earlier: most are answered long before. A
 * verdict of the clock waits one turn of the loop, so that an answer that has already arrived
 * counts.
 */
import type { Clock, Timer } from "../../../base/index.ts";
import type { Operations } from "../operations.ts";

export interface WallTimerOptions {
  readonly clock: Clock;
  readonly operations: Operations;
  /** Other fronts send work too: what is oldest here need not run, so only HELLO is timed. */
  readonly hasFronts: boolean;
  /** Called when the oldest operation may be overdue. */
  judge(): void;
}

export class WallTimer {
  readonly #options: WallTimerOptions;
  #timer: Timer | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(options: WallTimerOptions) {
    this.#options = options;
  }

  /** To be called when the oldest operation has changed. */
  watch(): void {
    const { operations, hasFronts } = this.#options;
    const { head, headSinceMs } = operations;
    if (head === undefined || headSinceMs === undefined) return;
    if (hasFronts && head.kind !== "hello") return;
    const dueAtMs = headSinceMs + head.msMax;
    if (dueAtMs >= this.#atMs) return;
    this.#set(dueAtMs);
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #set(dueAtMs: number): void {
    const { clock, judge } = this.#options;
    this.#timer?.cancel();
    this.#atMs = dueAtMs;
    this.#timer = clock.after(Math.max(0, dueAtMs - clock.nowMs()), () => {
      this.#atMs = Number.POSITIVE_INFINITY;
      clock.soon(() => {
        judge();
        this.watch();
      });
    });
  }
}
