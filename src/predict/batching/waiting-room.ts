/**
 * Everything that waits: lanes of equal keys, suspects, and parts of failed batches.
 *
 * Keeps the counts that the queue limits are about. Invariant: `items` and `bytes` are the sums
 * over all entries in state `waiting`, so they return to 0 when nobody waits.
 */
import { plainKey } from "./compatibility-key.ts";
import { type Entry, isBefore, noRequest } from "./entry.ts";
import { Lane } from "./lane.ts";
import type { BatchSource } from "./plan-batch.ts";

export class WaitingRoom {
  readonly itemsMax: number;
  readonly bytesMax: number;
  items = 0;
  bytes = 0;
  /** Lanes that are not empty. At most `itemsMax`. */
  readonly lanes: Lane[] = [];
  /** The same lanes by key, and the plain one, which is kept because it fills again at once. */
  readonly #laneOf = new Map<string, Lane>();
  /** In the order in which they run. At most `itemsMax`. */
  #suspects: Entry[] = [];
  /** Each runs as it stands. Bounded by what was under way. */
  readonly #retries: Entry[][] = [];

  constructor(itemsMax: number, bytesMax: number) {
    this.itemsMax = itemsMax;
    this.bytesMax = bytesMax;
    this.#laneOf.set(plainKey, new Lane(plainKey, itemsMax));
  }

  get retries(): number {
    return this.#retries.length;
  }

  /** The first suspect of which no run is under way. */
  get suspect(): Entry | undefined {
    if (this.#suspects.length === 0) return undefined;
    return this.#suspects.find((entry) => entry.suspect?.isRunning !== true);
  }

  add(entry: Entry): void {
    entry.state = "waiting";
    this.items += entry.items;
    this.bytes += entry.bytes;
    if (entry.suspect?.state === "suspect") this.#addSuspect(entry);
    else this.#addToLane(entry);
  }

  /** Entries that are to share one run, before everything else. */
  addRetry(entries: Entry[]): void {
    for (const entry of entries) {
      entry.state = "waiting";
      entry.place = "retries";
      this.items += entry.items;
      this.bytes += entry.bytes;
    }
    this.#retries.push(entries);
  }

  /** Takes the next batch of a source; empty when all of it has left early. */
  take(from: BatchSource<Lane>, itemsMax: number): Entry[] {
    const entries = this.#takeFrom(from, itemsMax);
    for (const entry of entries) this.#countOut(entry);
    return entries;
  }

  /** A waiting entry leaves early: its place is free at once. */
  remove(entry: Entry): void {
    this.#countOut(entry);
    entry.state = "settled";
    entry.request = noRequest;
    if (entry.place === "suspects") {
      this.#suspects = this.#suspects.filter((each) => each !== entry);
    } else if (entry.place === "lane") {
      const lane = this.#laneOf.get(entry.key);
      if (lane === undefined) return;
      lane.forget(entry);
      if (lane.entries === 0) this.#dropLane(lane);
      else lane.sweep();
    }
  }

  /** Takes out and gives every suspect whose record is no longer that of a suspect. */
  releaseSuspects(): Entry[] {
    const released = this.#suspects.filter((entry) => entry.suspect?.state !== "suspect");
    if (released.length === 0) return released;
    this.#suspects = this.#suspects.filter((entry) => entry.suspect?.state === "suspect");
    for (const entry of released) this.#countOut(entry);
    return released;
  }

  /** Moves waiting entries that `isSuspect` knows from where they wait to the suspects. */
  separate(isSuspect: (entry: Entry) => boolean): void {
    for (const lane of [...this.lanes]) {
      const entries = lane.extract(isSuspect);
      if (lane.entries === 0) this.#dropLane(lane);
      for (const entry of entries) this.#addSuspect(entry);
    }
    for (const part of this.#retries) {
      for (const entry of part.filter((each) => each.state === "waiting" && isSuspect(each))) {
        part.splice(part.indexOf(entry), 1);
        this.#addSuspect(entry);
      }
    }
  }

  /** Calls `act` for each waiting entry; `act` may not remove any. */
  each(act: (entry: Entry) => void): void {
    for (const lane of this.lanes) lane.each(act);
    for (const entry of this.#suspects) act(entry);
    for (const group of this.#retries) {
      for (const entry of group) if (entry.state === "waiting") act(entry);
    }
  }

  #takeFrom(from: BatchSource<Lane>, itemsMax: number): Entry[] {
    if (from === "retries") {
      const part = this.#retries.shift() ?? [];
      return part.filter((entry) => entry.state === "waiting");
    }
    if (from === "suspects") {
      const entry = this.suspect;
      if (entry === undefined) return [];
      this.#suspects = this.#suspects.filter((each) => each !== entry);
      return [entry];
    }
    const entries = from.take(itemsMax);
    if (from.entries === 0) this.#dropLane(from);
    return entries;
  }

  /** From here on the entry is in the hands of the caller. */
  #countOut(entry: Entry): void {
    entry.state = "sent";
    this.items -= entry.items;
    this.bytes -= entry.bytes;
  }

  #addToLane(entry: Entry): void {
    entry.place = "lane";
    let lane = this.#laneOf.get(entry.key);
    if (lane === undefined) {
      lane = new Lane(entry.key, this.itemsMax);
      this.#laneOf.set(entry.key, lane);
    }
    if (lane.entries === 0) this.lanes.push(lane);
    lane.add(entry);
  }

  #addSuspect(entry: Entry): void {
    entry.place = "suspects";
    let at = this.#suspects.length;
    for (let other = this.#suspects[at - 1]; other !== undefined; other = this.#suspects[at - 1]) {
      if (isBefore(other, entry)) break;
      at -= 1;
    }
    this.#suspects.splice(at, 0, entry);
  }

  #dropLane(lane: Lane): void {
    if (lane.key !== plainKey) this.#laneOf.delete(lane.key);
    const last = this.lanes.pop();
    const at = last === lane ? -1 : this.lanes.indexOf(lane);
    if (at >= 0 && last !== undefined) this.lanes[at] = last;
  }
}
