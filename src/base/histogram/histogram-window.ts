/**
 * A histogram of the last minute (or any span): what live percentiles are read from.
 *
 * The span is cut into slots; a value goes into the slot of its instant, and a slot is cleared when
 * time comes round to it again. So the window holds between `slots - 1` and `slots` slots of
 * history, forgets in steps, and never walks its values. Slots are made on first use: a model that
 * nobody asks costs nothing. The instant is passed in; it is the caller's monotonic clock.
 * Invariant: a read sees no value older than the span.
 */
import { Histogram } from "./histogram.ts";

export interface WindowSpan {
  /** Length of the window, ms, > 0. */
  readonly spanMs: number;
  /** Slots it is cut into, 2 to 100; each takes 7.5 KiB once it was used. */
  readonly slots: number;
}

/** A minute in six slots. */
const minuteWindow: WindowSpan = { spanMs: 60_000, slots: 6 };

export class HistogramWindow {
  readonly #slotMs: number;
  /** Fixed length: `slots`. */
  readonly #slots: (Histogram | undefined)[];
  #current: Histogram;
  #turn = 0;
  #turnEndsAtMs: number;

  constructor(span: WindowSpan = minuteWindow) {
    this.#slotMs = span.spanMs / span.slots;
    this.#slots = Array.from({ length: span.slots }, () => undefined);
    this.#current = new Histogram();
    this.#slots[0] = this.#current;
    this.#turnEndsAtMs = this.#slotMs;
  }

  /** Counts `value` at instant `nowMs`; an instant older than the newest one counts as newest. */
  record(value: number, nowMs: number): void {
    if (nowMs >= this.#turnEndsAtMs) this.#advance(nowMs);
    this.#current.record(value);
  }

  /** Takes values over that others have recorded; they count as recorded at `nowMs`. */
  absorb(values: Histogram, nowMs: number): void {
    if (nowMs >= this.#turnEndsAtMs) this.#advance(nowMs);
    this.#current.merge(values);
  }

  /** Adds what the window holds at `nowMs` to `target`. */
  mergeInto(target: Histogram, nowMs: number): void {
    if (nowMs >= this.#turnEndsAtMs) this.#advance(nowMs);
    for (const slot of this.#slots) {
      if (slot !== undefined && slot.count > 0) target.merge(slot);
    }
  }

  /** A histogram of its own with what the window holds at `nowMs`. */
  snapshot(nowMs: number): Histogram {
    const whole = new Histogram();
    this.mergeInto(whole, nowMs);
    return whole;
  }

  #advance(nowMs: number): void {
    const turn = Math.floor(nowMs / this.#slotMs);
    const passed = Math.min(turn - this.#turn, this.#slots.length);
    for (let step = 1; step <= passed; step += 1) {
      this.#slots[(turn - passed + step) % this.#slots.length]?.clear();
    }
    const place = turn % this.#slots.length;
    this.#current = this.#slots[place] ??= new Histogram();
    this.#turn = turn;
    this.#turnEndsAtMs = (turn + 1) * this.#slotMs;
  }
}
