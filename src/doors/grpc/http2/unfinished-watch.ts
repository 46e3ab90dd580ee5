/**
 * Says when a caller does not finish what it has begun to say: a frame, or a block of headers.
 *
 * What is begun has a number, and its time counts from its first byte, however many bytes come
 * after it. Bodies are not watched here: their calls are. One timer that looks again when it was
 * early, because a busy caller leaves something unfinished at the end of most reads.
 */
import type { Clock, Timer } from "../../../base/index.ts";

export interface UnfinishedWatchOptions {
  readonly clock: Clock;
  /** Time for what was begun, ms. */
  readonly msMax: number;
  /** Called once it has passed. */
  late(): void;
}

export class UnfinishedWatch {
  readonly #options: UnfinishedWatchOptions;
  #unfinished = 0;
  #sinceMs = 0;
  #timer: Timer | undefined;

  constructor(options: UnfinishedWatchOptions) {
    this.#options = options;
  }

  /** @param unfinished number of what is begun; 0 when all that came is whole */
  note(unfinished: number): void {
    if (unfinished === this.#unfinished) return;
    this.#unfinished = unfinished;
    if (unfinished === 0) return;
    const { clock, msMax } = this.#options;
    this.#sinceMs = clock.nowMs();
    this.#timer ??= clock.after(msMax, this.#look);
  }

  /** Nothing is said any more. */
  close(): void {
    this.#timer?.cancel();
    this.#unfinished = 0;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#unfinished === 0) return;
    const { clock, msMax, late } = this.#options;
    const leftMs = this.#sinceMs + msMax - clock.nowMs();
    if (leftMs <= 0) late();
    else this.#timer = clock.after(leftMs, this.#look);
  };
}
