/**
 * How many requests of one HTTP/1.1 connection are open.
 *
 * A caller may send the next request before the last is answered; Node takes as many as come.
 */
import type { ServerResponse } from "node:http";

export class Pipeline {
  readonly #openMax: number;
  /** An entry lives as long as its connection; each counts to `openMax` at most. */
  readonly #open = new WeakMap<object, number>();

  constructor(openMax: number) {
    this.#openMax = openMax;
  }

  /** Counts a request of `connection` until its reply is over; false when there are too many. */
  enter(connection: object, response: Pick<ServerResponse, "once">): boolean {
    const open = this.#open.get(connection) ?? 0;
    if (open >= this.#openMax) return false;
    this.#open.set(connection, open + 1);
    response.once("close", () => {
      this.#open.set(connection, (this.#open.get(connection) ?? 1) - 1);
    });
    return true;
  }
}
