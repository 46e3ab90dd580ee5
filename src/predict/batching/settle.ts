/**
 * The only place where a request is answered, and so the place that answers it once.
 */
import type { ServingError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Entry } from "./entry.ts";
import { joinShares } from "./share-outputs.ts";
import type { WaitingRoom } from "./waiting-room.ts";

/** True when nobody waits for the entry any more. */
export function isSettled(entry: Entry): boolean {
  return entry.whole === undefined ? entry.state === "settled" : entry.whole.isSettled;
}

/** Ends the request of an entry with an error; false when it had ended before. */
export function fail(entry: Entry, error: ServingError, room: WaitingRoom): boolean {
  if (isSettled(entry)) return false;
  if (entry.whole === undefined) {
    settleEntry(entry, room);
  } else {
    entry.whole.isSettled = true;
    for (const each of entry.whole.entries) settleEntry(each, room);
  }
  entry.reject(error);
  return true;
}

/**
 * Gives an entry its outputs; the request is answered with its last entry.
 * True when the request was answered by this call.
 */
export function answer(entry: Entry, outputs: readonly Tensor[], room: WaitingRoom): boolean {
  if (isSettled(entry)) return false;
  entry.state = "settled";
  const { whole } = entry;
  if (whole === undefined) {
    entry.resolve({ outputs });
    return true;
  }
  whole.outputs[whole.entries.indexOf(entry)] = outputs;
  whole.entriesLeft -= 1;
  if (whole.entriesLeft > 0) return false;
  const joined = joinShares(whole);
  if (!isTensors(joined)) return fail(entry, joined, room);
  whole.isSettled = true;
  entry.resolve({ outputs: joined });
  return true;
}

function settleEntry(entry: Entry, room: WaitingRoom): void {
  if (entry.state === "waiting") room.remove(entry);
  entry.state = "settled";
}

function isTensors(joined: readonly Tensor[] | ServingError): joined is readonly Tensor[] {
  return Array.isArray(joined);
}
