/**
 * One way for a request to end early: the caller left, or its deadline passed.
 *
 * A lighter twin of AbortController: most requests never end early, so nothing but one small object
 * is made until somebody asks. `signal` gives the standard form to code that needs it.
 * Invariants: it is cancelled at most once; listeners run once, in order, and may not throw.
 */
import type { ServingError } from "./errors/serving-error.ts";

export class Cancellation {
  #reason: ServingError | undefined;
  #listeners: ((reason: ServingError) => void)[] | undefined;
  #controller: AbortController | undefined;

  get isCancelled(): boolean {
    return this.#reason !== undefined;
  }

  get reason(): ServingError | undefined {
    return this.#reason;
  }

  /** The standard form; made on first use. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Calls `act` when cancelled, at once if it already is. */
  onCancel(act: (reason: ServingError) => void): void {
    if (this.#reason !== undefined) {
      act(this.#reason);
      return;
    }
    this.#listeners ??= [];
    this.#listeners.push(act);
  }

  cancel(reason: ServingError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const act of listeners) act(reason);
    this.#controller?.abort(reason);
  }
}
