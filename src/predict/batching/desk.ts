/**
 * The only place where a request is answered, and so the place that answers it once.
 *
 * An entry that ends while it waits gives its place back here, so the counts of what waits cannot
 * be forgotten on any way out.
 */
import type { ServingError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { BatchingObserver } from "../observer.ts";
import { type Entry, isSettled } from "./entry.ts";
import { joinShares } from "./share-outputs.ts";
import type { WaitingRoom } from "./waiting-room.ts";

export class Desk {
  readonly #room: WaitingRoom;
  readonly #observer: BatchingObserver;

  constructor(room: WaitingRoom, observer: BatchingObserver) {
    this.#room = room;
    this.#observer = observer;
  }

  /** Gives an entry its outputs; a sliced request is answered with its last entry. */
  answer(entry: Entry, outputs: readonly Tensor[]): void {
    if (isSettled(entry)) return;
    entry.state = "settled";
    const { whole } = entry;
    if (whole === undefined) {
      entry.resolve({ outputs });
      return;
    }
    whole.collect(entry, outputs);
    if (whole.entriesLeft > 0) return;
    const joined = joinShares(whole);
    if (joined instanceof Error) {
      this.fail(entry, joined);
      return;
    }
    whole.isSettled = true;
    entry.resolve({ outputs: joined });
  }

  /** Ends the request of an entry with an error; false when it had ended before. */
  fail(entry: Entry, error: ServingError): boolean {
    if (isSettled(entry)) return false;
    if (entry.whole === undefined) {
      this.#settle(entry);
    } else {
      entry.whole.isSettled = true;
      for (const each of entry.whole.entries) this.#settle(each);
    }
    entry.reject(error);
    return true;
  }

  /** The caller left, or its deadline passed. */
  leave(entry: Entry, reason: ServingError): void {
    const wasRunning = entry.state === "sent";
    if (!this.fail(entry, reason)) return;
    const end = reason.code === "DEADLINE_EXCEEDED" ? "expired" : "cancelled";
    this.#observer.endedEarly(end, 1, wasRunning);
  }

  #settle(entry: Entry): void {
    if (entry.state === "waiting") this.#room.remove(entry);
    entry.state = "settled";
  }
}
