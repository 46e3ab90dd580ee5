/**
 * How many streams are open, of every service of this door together.
 */
import { type Limits, ServingError } from "../../base/index.ts";

export class OpenStreams {
  readonly #limits: Pick<Limits, "streamsMax">;
  #count = 0;

  constructor(limits: Pick<Limits, "streamsMax">) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Counts one more until the returned function is called; calling it again changes nothing.
   * @throws OVERLOADED when streamsMax are open
   */
  enter(): () => void {
    const { streamsMax } = this.#limits;
    if (this.#count >= streamsMax) {
      const message = `${streamsMax} streams are open (streamsMax)`;
      throw new ServingError("OVERLOADED", message, { limit: "streamsMax" });
    }
    this.#count += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.#count -= 1;
      isOpen = false;
    };
  }
}
