/**
 * One timer for the deadlines of everything in the batcher.
 *
 * A timer a request costs 3 % at full load. This one knows only the earliest deadline it was told
 * of: when it fires, `expire` looks through all that lives and says which deadline is next. With
 * equal deadlines that is one look per deadline's length; a grain keeps many close ones from
 * causing a look each. Deadlines are late by at most the grain.
 */
import type { Clock, Timer } from "../../base/index.ts";

/** Shortest time between two looks, ms. */
const grainMs = 4;
/** Timers of the runtime overflow far above; a look costs little. */
const pauseMsMax = 60_000;

export class DeadlineWatch {
  readonly #clock: Clock;
  readonly #expire: (nowMs: number) => number;
  #nextAtMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  /** @param expire ends what is due at the given instant; gives the earliest deadline left */
  constructor(clock: Clock, expire: (nowMs: number) => number) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** A request with this deadline has come in. */
  note(deadlineAtMs: number, nowMs: number): void {
    if (deadlineAtMs < this.#nextAtMs) this.#arm(deadlineAtMs, nowMs);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#nextAtMs = Number.NEGATIVE_INFINITY;
  }

  #arm(atMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#nextAtMs = atMs;
    const pauseMs = Math.min(Math.max(atMs - nowMs, grainMs), pauseMsMax);
    this.#timer = this.#clock.after(pauseMs, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    this.#nextAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.nowMs();
    const nextAtMs = this.#expire(nowMs);
    if (nextAtMs < this.#nextAtMs) this.#arm(nextAtMs, nowMs);
  }
}
