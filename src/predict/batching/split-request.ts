/**
 * Decides how a request with more items than a batch may hold is cut, and which one goes alone.
 *
 * `itemsMax` bounds what strangers share: nobody waits for a larger batch. A request that is larger
 * by itself waits for all of its slices anyway, so its slices may be larger than that: measured on
 * 1,000 rows x 20 features and 100 trees, slices of 1,024 gave 1.9 x the rows/s of slices of 32 and
 * took 74 us of the front's CPU instead of 556 us. What bounds them is the time and the memory of
 * one run, so that a slow model stays far from its wall clock and a caller who leaves is soon
 * noticed; before the first run nothing is known, and slices are as small as batches. Full slices
 * come first, the rest last, so that only the last one may share its run.
 *
 * A batch is put together by copying and its answer taken apart. Where an item is large and its run
 * cheap that costs more than the run that it saves, and front and worker wait for each other:
 * measured with an echo of 1 MiB for each of 24 callers, 560 requests/s alone and 270 in batches,
 * at 128 KiB 2,900 and 2,500; at 64 KiB batches win.
 */

/** Slices are cut for runs of about this length, ms. */
const sliceRunMs = 100;
/** Inputs of a slice that is larger than a batch, byte. */
const sliceBytesMax = 4 * 1024 * 1024;
/** Inputs of a request that always joins others, byte. */
const joinedBytesMax = 128 * 1024;
/** What it costs to copy inputs into a batch and outputs out of it, ms for each byte of input. */
const joinMsOfByte = 1 / (1024 * 1024);
/** Weight of the newest run in the mean. */
const newestShare = 0.2;

export interface ItemSlice {
  readonly from: number;
  readonly items: number;
}

export interface SliceRules {
  /** Most items of one batch, >= 1. */
  readonly itemsMax: number;
  /** Most items of a slice, >= `itemsMax`. */
  readonly sliceItemsMax: number;
}

export interface SliceAsk {
  /** Mean bytes of an item of the request. */
  readonly itemBytes: number;
  /** What an item costs in the engine, ms; `undefined` before the first run. */
  readonly itemMs: number | undefined;
}

/** Items of the largest slice of a request, from `itemsMax` to `sliceItemsMax`. */
export function sliceItemsFor({ itemBytes, itemMs }: SliceAsk, rules: SliceRules): number {
  if (itemMs === undefined) return rules.itemsMax;
  const inTime = Math.floor(sliceRunMs / itemMs);
  const inMemory = Math.floor(sliceBytesMax / itemBytes);
  return Math.max(rules.itemsMax, Math.min(rules.sliceItemsMax, inTime, inMemory));
}

/** True for a request, or a slice, whose joining with others would cost more than its run. */
export function goesAlone(
  { bytes, items }: { readonly bytes: number; readonly items: number },
  itemMs: number | undefined,
): boolean {
  if (bytes < joinedBytesMax || itemMs === undefined) return false;
  return items * itemMs < bytes * joinMsOfByte;
}

/**
 * The slices of `items` items, each of at most `sliceItems`, in order.
 * REQUIRES: both are at least 1.
 */
export function splitItems(items: number, sliceItems: number): ItemSlice[] {
  const slices: ItemSlice[] = [];
  for (let from = 0; from < items; from += sliceItems) {
    slices.push({ from, items: Math.min(sliceItems, items - from) });
  }
  return slices;
}

/**
 * What an item costs, from the runs so far: a mean in which the newest counts most. Too high for
 * small batches, whose fixed cost falls on few items, so slices are rather too small.
 */
export class ItemCost {
  #itemMs: number | undefined;

  /** In ms, or `undefined` before the first run. */
  get itemMs(): number | undefined {
    return this.#itemMs;
  }

  note(items: number, runMs: number): void {
    const newest = runMs / items;
    const last = this.#itemMs ?? newest;
    this.#itemMs = last + newestShare * (newest - last);
  }
}
