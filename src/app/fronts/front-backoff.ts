/**
 * When a front that died, or that the system could not start, is started again: at once, or after
 * the back-off of workers when they die in a row.
 */
import type { Clock, Random } from "../../base/index.ts";
import { restartDelayMs } from "../../engine/index.ts";
import type { Log } from "../../observe/index.ts";

/** A front that has been up for so long has not died in a row with the one before it. */
const steadyMs = 10_000;

export interface FrontBackoffOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly backoffMsMax: number;
  /** Starts a front; may throw what the system says. Not called while the server starts or ends. */
  readonly start: (index: number) => void;
  readonly mayStart: () => boolean;
}

/** What is known of an end. */
export interface FrontEnd {
  readonly front: number;
  readonly front_pid?: number;
  readonly words: string;
}

export class FrontBackoff {
  readonly #options: FrontBackoffOptions;
  #deathsInRow = 0;

  constructor(options: FrontBackoffOptions) {
    this.#options = options;
  }

  /** A front has ended. @param openedAtMs 0 when it never opened */
  died(end: FrontEnd, openedAtMs: number): void {
    const { clock, random, log, backoffMsMax, mayStart } = this.#options;
    const wasSteady = openedAtMs > 0 && clock.nowMs() - openedAtMs > steadyMs;
    this.#deathsInRow = wasSteady ? 1 : this.#deathsInRow + 1;
    const delayMs = restartDelayMs(this.#deathsInRow, backoffMsMax, random);
    log.warn("front died", { ...end, restart_ms: Math.round(delayMs) });
    if (mayStart()) clock.after(delayMs, () => this.#start(end.front));
  }

  #start(index: number): void {
    if (!this.#options.mayStart()) return;
    try {
      this.#options.start(index);
    } catch (thrown) {
      this.died({ front: index, words: `it was not started: ${String(thrown)}` }, 0);
    }
  }
}
