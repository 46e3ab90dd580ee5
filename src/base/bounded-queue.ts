/**
 * A first-in first-out queue with a stated maximum, in a ring.
 *
 * Why not an array: `shift` moves every element of a long array. The ring grows by doubling up to
 * `lengthMax` and keeps its size, so a steady load allocates nothing. `insert` and `retain` are for
 * the rare cases (a priority, a caller who left) and may cost the length.
 */

const lengthAtStart = 16;

export class BoundedQueue<T> {
  readonly lengthMax: number;
  #slots: (T | undefined)[] = new Array(lengthAtStart).fill(undefined);
  #head = 0;
  #length = 0;

  /** @param lengthMax most elements at once, >= 1 */
  constructor(lengthMax: number) {
    this.lengthMax = lengthMax;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds `value` at the end; false, and nothing done, when the queue is full. */
  push(value: T): boolean {
    if (this.#length >= this.lengthMax) return false;
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = value;
    this.#length += 1;
    return true;
  }

  /** Removes and returns the first element, or `undefined` when empty. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length -= 1;
    return value;
  }

  /** The element at `index` from the front, or `undefined` beyond the end. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)];
  }

  /** Puts `value` before the element at `index` (0 to length); false when the queue is full. */
  insert(index: number, value: T): boolean {
    if (!this.push(value)) return false;
    const mask = this.#slots.length - 1;
    for (let to = this.#length - 1; to > index; to -= 1) {
      this.#slots[(this.#head + to) & mask] = this.#slots[(this.#head + to - 1) & mask];
    }
    this.#slots[(this.#head + index) & mask] = value;
    return true;
  }

  /** Drops every element for which `keep` is false; the order of the others stays. */
  retain(keep: (value: T) => boolean): void {
    const mask = this.#slots.length - 1;
    let kept = 0;
    for (let index = 0; index < this.#length; index += 1) {
      const value = this.#slots[(this.#head + index) & mask];
      if (value === undefined || !keep(value)) continue;
      this.#slots[(this.#head + kept) & mask] = value;
      kept += 1;
    }
    for (let index = kept; index < this.#length; index += 1) {
      this.#slots[(this.#head + index) & mask] = undefined;
    }
    this.#length = kept;
  }

  #grow(): void {
    const grown: (T | undefined)[] = new Array(this.#slots.length * 2).fill(undefined);
    for (let index = 0; index < this.#length; index += 1) grown[index] = this.at(index);
    this.#slots = grown;
    this.#head = 0;
  }
}
