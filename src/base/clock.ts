/**
 * The clock is passed in, so that a simulation can move it.
 *
 * `nowMs` never goes back and has no meaning outside this process; `wallMs` is the time of day.
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic time in ms, with a fraction. */
  nowMs(): number;
  /** Unix time in ms. */
  wallMs(): number;
  /** Calls `act` once after `delayMs` (>= 0). A pending timer does not keep the process alive. */
  after(delayMs: number, act: () => void): Timer;
  /** Calls `act` after the input that has already arrived was read. */
  soon(act: () => void): void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (act) => {
    setImmediate(act);
  },
};

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** A clock that stands still until `advance`; timers fire in order of time, then of creation. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #pending: Pending[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  after(delayMs: number, act: () => void): Timer {
    const entry = { atMs: this.#nowMs + delayMs, order: this.#order++, act };
    this.#pending.push(entry);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((each) => each !== entry);
      },
    };
  }

  soon(act: () => void): void {
    this.after(0, act);
  }

  /** Moves time by `byMs` and runs what falls due on the way, at its own instant. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (this.step(untilMs));
    this.#nowMs = untilMs;
  }

  /** Moves to the earliest timer that is due until `untilMs` and runs it; false when none is. */
  step(untilMs: number): boolean {
    const next = this.#earliest();
    if (next === undefined || next.atMs > untilMs) return false;
    this.#pending = this.#pending.filter((each) => each !== next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.act();
    return true;
  }

  /** When the next timer is due, ms; `undefined` when none waits. */
  get nextAtMs(): number | undefined {
    return this.#earliest()?.atMs;
  }

  /** How many timers wait. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  #earliest(): Pending | undefined {
    let best: Pending | undefined;
    for (const each of this.#pending) {
      if (best === undefined || each.atMs < best.atMs) best = each;
      else if (each.atMs === best.atMs && each.order < best.order) best = each;
    }
    return best;
  }
}
