/**
 * The end of a call: its deadline or its caller's wish, whichever comes first, as one AbortSignal.
 *
 * The signal's reason is always a `MillraceError`, so whoever is woken by it throws it as it is.
 */
import type { Clock } from "../clock.ts";
import { MillraceError } from "../millrace-error.ts";

export class Deadline {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #endsAtMs: number;
  readonly #release: () => void;

  /**
   * @param timeoutMs ms from now, above 0; Infinity for no deadline
   * @param signal the caller's, if any
   */
  constructor(clock: Clock, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#endsAtMs = clock.nowMs() + timeoutMs;
    const cancel = (): void => this.#controller.abort(cancelled(signal?.reason));
    const message = `no answer within ${timeoutMs} ms (timeoutMs)`;
    const expire = (): void =>
      this.#controller.abort(new MillraceError("DEADLINE_EXCEEDED", message));
    const timer = Number.isFinite(timeoutMs) ? clock.after(timeoutMs, expire) : undefined;
    this.#release = () => {
      timer?.cancel();
      signal?.removeEventListener("abort", cancel);
    };
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** ms, 0 or more; Infinity without a deadline. */
  get leftMs(): number {
    return Math.max(0, this.#endsAtMs - this.#clock.nowMs());
  }

  /** Throws what ended the call, if something has. */
  check(): void {
    if (this.signal.aborted) throw this.signal.reason;
  }

  /** Waits; a deadline or a cancelled call ends the wait with its error. */
  async wait(delayMs: number): Promise<void> {
    this.check();
    const { signal } = this;
    await new Promise<void>((done, fail) => {
      const end = (): void => {
        timer.cancel();
        fail(signal.reason);
      };
      const timer = this.#clock.after(delayMs, () => {
        signal.removeEventListener("abort", end);
        done();
      });
      signal.addEventListener("abort", end, { once: true });
    });
  }

  /** Frees timer and listener. Call it when the call has ended. */
  close(): void {
    this.#release();
  }
}

/** What a cancelled call throws. */
export function cancelled(reason: unknown): MillraceError {
  return new MillraceError("CANCELLED", "the caller cancelled the call", { cause: reason });
}
