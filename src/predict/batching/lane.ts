/**
 * The waiting requests of one compatibility key, in the order in which they run.
 *
 * Sorted by rank, then by arrival. Without priorities a newcomer is always the last, so the sorted
 * order costs one comparison. A request that leaves early stays as a tombstone until it is reached
 * or tombstones outnumber the living; the counts leave with it at once.
 */
import assert from "node:assert/strict";
import { BoundedQueue } from "../../base/index.ts";
import { type Entry, isBefore } from "./entry.ts";

/** Tombstones that are always tolerated, so that a short queue is not swept for each leaver. */
const tombstonesMin = 64;
/** Entries of refused runs that may come back on top of what was admitted. */
const putBackMax = 65_536;

export class Lane {
  readonly key: string;
  /** Living entries and their items. */
  entries = 0;
  items = 0;
  readonly #queue: BoundedQueue<Entry>;
  #hasPriorities = false;

  /** @param entriesMax most entries that admission lets wait */
  constructor(key: string, entriesMax: number) {
    this.key = key;
    this.#queue = new BoundedQueue(2 * entriesMax + putBackMax);
  }

  /** Rank and number of the entry that runs next. REQUIRES: `entries` > 0. */
  get rank(): number {
    return this.#head()?.rank ?? 0;
  }

  get order(): number {
    return this.#head()?.order ?? 0;
  }

  /** True when the entry that runs next shares its run with no other. */
  get isAlone(): boolean {
    return this.#head()?.isAlone ?? false;
  }

  /** Arrival of the entry that has waited longest. REQUIRES: `entries` > 0. */
  get oldestAtMs(): number {
    if (!this.#hasPriorities) return this.#head()?.arrivedAtMs ?? 0;
    let oldest = Number.POSITIVE_INFINITY;
    this.each((entry) => {
      oldest = Math.min(oldest, entry.arrivedAtMs);
    });
    return oldest;
  }

  add(entry: Entry): void {
    const queue = this.#queue;
    const last = queue.at(queue.length - 1);
    const isLast = last === undefined || isBefore(last, entry);
    const isIn = isLast ? queue.push(entry) : queue.insert(this.#placeOf(entry), entry);
    assert(isIn, "more requests wait than were admitted");
    if (last !== undefined && last.rank !== entry.rank) this.#hasPriorities = true;
    this.entries += 1;
    this.items += entry.items;
  }

  /** Counts a living entry out; its state is settled by the caller, before or after. */
  forget(entry: Entry): void {
    this.entries -= 1;
    this.items -= entry.items;
    if (this.entries === 0) this.#hasPriorities = false;
  }

  /** Drops tombstones when they outnumber the living. */
  sweep(): void {
    if (this.#queue.length <= 2 * this.entries + tombstonesMin) return;
    this.#queue.retain((entry) => entry.state === "waiting");
  }

  /**
   * Takes the first entries that fit into `itemsMax` items; one that is larger, or shares no run,
   * goes alone. The entries that are given are no longer counted.
   */
  take(itemsMax: number): Entry[] {
    const taken: Entry[] = [];
    let items = 0;
    for (let entry = this.#head(); entry !== undefined; entry = this.#head()) {
      if (taken.length > 0 && (entry.isAlone || items + entry.items > itemsMax)) break;
      this.#queue.shift();
      this.forget(entry);
      taken.push(entry);
      items += entry.items;
      if (entry.isAlone || items >= itemsMax) break;
    }
    return taken;
  }

  /** Removes every living entry for which `isWanted` holds and gives them in order. */
  extract(isWanted: (entry: Entry) => boolean): Entry[] {
    const wanted: Entry[] = [];
    this.#queue.retain((entry) => {
      if (entry.state !== "waiting") return false;
      if (!isWanted(entry)) return true;
      wanted.push(entry);
      return false;
    });
    for (const entry of wanted) this.forget(entry);
    return wanted;
  }

  /** Calls `act` for each living entry; `act` may settle the entry. */
  each(act: (entry: Entry) => void): void {
    for (let index = 0; index < this.#queue.length; index += 1) {
      const entry = this.#queue.at(index);
      if (entry?.state === "waiting") act(entry);
    }
  }

  /** The first living entry; tombstones before it are dropped. */
  #head(): Entry | undefined {
    for (;;) {
      const entry = this.#queue.at(0);
      if (entry === undefined || entry.state === "waiting") return entry;
      this.#queue.shift();
    }
  }

  #placeOf(entry: Entry): number {
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#queue.at(middle);
      if (other !== undefined && isBefore(other, entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
