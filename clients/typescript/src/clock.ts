/**
 * Clock and random source, passed in so that a test moves the one and seeds the other.
 *
 * `nowMs` never goes back and has no meaning outside this process.
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic time in ms, with a fraction. */
  nowMs(): number;
  /** Unix time in ms; for HTTP dates only. */
  wallMs(): number;
  /** Calls `act` once after `delayMs` (>= 0). */
  after(delayMs: number, act: () => void): Timer;
}

export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Longest delay that timers of every runtime keep, ms (2^31 - 1). */
const timerMsMax = 2_147_483_647;

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, act) {
    const timer = setTimeout(act, Math.min(delayMs, timerMsMax));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Draws from the runtime; for jitter, never for secrets. */
export const systemRandom: Random = { next: () => Math.random() };
