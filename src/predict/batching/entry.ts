/**
 * One request, or one slice of a large one, on its way through the batcher.
 *
 * One object a request, always with the same fields, because 60,000 of them pass in a second. A
 * request with more items than a batch may hold becomes several entries that share a `Whole`; the
 * whole answers when its last entry has.
 *
 *   waiting -> sent -> settled        (put back: sent -> waiting; left early: any -> settled)
 *
 * Invariant: `settled` is entered once, and with it the promise is answered once.
 */
import type { ServingError } from "../../base/index.ts";
import type { BatchPart } from "../../engine/index.ts";
import { sliceItems, type Tensor } from "../../tensor/index.ts";
import type { InferenceRequest, InferenceResponse, RequestContext } from "../predictor.ts";
import type { Suspect } from "../suspects/suspects.ts";

export type EntryState = "waiting" | "sent" | "settled";

/** A lane of equal keys, the line of suspects, or a part of a failed batch. */
export type WaitingPlace = "lane" | "suspects" | "retries";

/** The rank of a request without a priority: the standard class. */
const standardRank = 2;

function ignore(): void {}

export class Entry {
  /** Dropped when the entry leaves while it waits, so that a tombstone holds no tensors. */
  request: InferenceRequest;
  readonly context: RequestContext;
  readonly deadlineAtMs: number;
  readonly arrivedAtMs: number;
  /** 1 is the most urgent. */
  readonly rank: number;
  /** Requests with equal keys may share a run. */
  key = "";
  /** Number of arrival; entries of one rank run in this order. */
  order = 0;
  /** First item of the slice. */
  from = 0;
  items: number;
  /** Bytes of the inputs. */
  bytes = 0;
  /** Shares its run with no other. */
  isAlone = false;
  state: EntryState = "waiting";
  /** Where it waits; of no meaning when it does not. */
  place: WaitingPlace = "lane";
  /** A run may be refused once because the instance was restarting; then the entry waits again. */
  wasPutBack = false;
  whole: Whole | undefined = undefined;
  suspect: Suspect | undefined = undefined;
  resolve: (response: InferenceResponse) => void = ignore;
  reject: (error: ServingError) => void = ignore;

  constructor(request: InferenceRequest, context: RequestContext, arrivedAtMs: number) {
    this.request = request;
    this.context = context;
    this.deadlineAtMs = context.deadlineAtMs;
    this.arrivedAtMs = arrivedAtMs;
    this.rank = context.priority === 0 ? standardRank : context.priority;
    this.items = request.items;
  }
}

/** A request that runs in slices. */
export class Whole {
  /** In order of their items. At most `requestItemsMax` of them. */
  readonly entries: readonly Entry[];
  /** The outputs of each entry, in the same order. */
  readonly outputs: (readonly Tensor[] | undefined)[];
  entriesLeft: number;
  /** Time inside the engine, ms, of all slices together. */
  runMs = 0;
  isSettled = false;

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    this.outputs = entries.map(() => undefined);
    this.entriesLeft = entries.length;
  }

  /** An entry was answered. */
  collect(entry: Entry, outputs: readonly Tensor[]): void {
    this.outputs[this.entries.indexOf(entry)] = outputs;
    this.entriesLeft -= 1;
  }
}

/** True when nobody waits for the entry any more. */
export function isSettled(entry: Entry): boolean {
  return entry.whole === undefined ? entry.state === "settled" : entry.whole.isSettled;
}

/** What the engine is given for an entry; slices share the memory of the request. */
export function partOf(entry: Entry): BatchPart {
  if (entry.whole === undefined) return entry.request;
  const { from, items } = entry;
  const inputs = entry.request.inputs.map((tensor) =>
    tensor === undefined ? undefined : sliceItems(tensor, from, from + items),
  );
  return { inputs };
}

/** What is left of a request that nobody waits for. */
export const noRequest: InferenceRequest = {
  inputs: [],
  items: 1,
  outputs: undefined,
  parameters: undefined,
};

/** True when `entry` runs before `other`. */
export function isBefore(
  entry: { readonly rank: number; readonly order: number },
  other: { readonly rank: number; readonly order: number },
): boolean {
  return entry.rank !== other.rank ? entry.rank < other.rank : entry.order < other.order;
}
