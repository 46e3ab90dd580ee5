/**
 * Who waits for the fronts: a start until all are open, a stop until none is left.
 *
 * Both at once, where a stop comes into a start. What each waits for is looked at whenever a front
 * opens, fails or ends, and at no other time.
 */
import type { Clock } from "../../base/index.ts";

export class Waits {
  readonly #clock: Clock;
  /** Two at most. */
  readonly #looks = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A front has opened, failed or ended. */
  look(): void {
    for (const look of this.#looks) look();
  }

  /** Settles when `isDone`, and throws what that throws; after `msMax` it is `late`. */
  async until(isDone: () => boolean, msMax: number, late: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      try {
        if (isDone()) resolve();
      } catch (thrown) {
        reject(thrown);
      }
    };
    this.#looks.add(look);
    const timer = this.#clock.after(msMax, late);
    look();
    try {
      await promise;
    } finally {
      timer.cancel();
      this.#looks.delete(look);
    }
  }
}
