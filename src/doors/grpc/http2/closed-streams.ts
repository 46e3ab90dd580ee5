/**
 * Remembers how the latest streams ended: frames that were on their way to one that was reset are
 * no fault of the caller, frames on one that had ended are.
 */

/** Streams that are remembered. */
const rememberedMax = 256;

export class ClosedStreams {
  /** A ring of ids, negative for those that were reset. */
  readonly #ids = new Int32Array(rememberedMax);
  #next = 0;

  add(id: number, isReset: boolean): void {
    this.#ids[this.#next] = isReset ? -id : id;
    this.#next = (this.#next + 1) % rememberedMax;
  }

  /** How the stream ended; `undefined` when that is not known. */
  find(id: number): "reset" | "ended" | undefined {
    if (this.#ids.includes(-id)) return "reset";
    return this.#ids.includes(id) ? "ended" : undefined;
  }
}
