/**
 * Questions to another process of this server that have no answer yet, by number.
 *
 * Each is settled once: with its answer, after its time, or when the other process is gone. Whoever
 * asks is told of the last two alike, because either way there is no answer to come.
 */
import type { Clock } from "../../base/index.ts";

export class Questions<Answer> {
  readonly #clock: Clock;
  /** At most what is asked at a time, which whoever asks bounds; each leaves when it is settled. */
  readonly #asked = new Map<number, (answer: Answer | undefined) => void>();
  #lastId = 0;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The answer to what `send` sends under the number that it is given; `undefined` when there is
   * none.
   *
   * @param msMax longest wait, ms; `undefined` where the other side bounds it
   */
  ask(msMax: number | undefined, send: (id: number) => void): Promise<Answer | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((settle) => {
      const late = (): void => this.answered(id, undefined);
      const timer = msMax === undefined ? undefined : this.#clock.after(msMax, late);
      this.#asked.set(id, (answer) => {
        timer?.cancel();
        settle(answer);
      });
      send(id);
    });
  }

  /** Settles question `id`, if it is still waited for. */
  answered(id: number, answer: Answer | undefined): void {
    const settle = this.#asked.get(id);
    this.#asked.delete(id);
    settle?.(answer);
  }

  /** The other process is gone: all that was asked, and will be, has no answer. */
  over(): void {
    this.#isOver = true;
    for (const id of [...this.#asked.keys()]) this.answered(id, undefined);
  }
}
