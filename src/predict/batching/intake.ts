/**
 * Makes the entries of a request: one, or one for each slice of a large one.
 */
import type { BatchLayout } from "../../model/index.ts";
import { tensorBytes } from "../../tensor/index.ts";
import type { InferenceRequest, RequestContext } from "../predictor.ts";
import { Entry, Whole } from "./entry.ts";
import type { BatchRules } from "./plan-batch.ts";
import { splitItems } from "./split-request.ts";

const sliceItemsMaxDefault = 1_024;

/** When a batch leaves and how large it may be. */
export interface BatchingRules extends BatchRules {
  /**
   * Largest slice of a request with more items than `itemsMax`, at least that; such a slice runs
   * alone. `undefined` is 1,024.
   */
  readonly sliceItemsMax?: number | undefined;
}

/** The rules as the layout of the model leaves them. */
export interface EffectiveRules extends BatchRules {
  /** Never reached without a batch layout. */
  readonly sliceItemsMax: number;
  /** The artifact wants exactly so many items. */
  readonly itemsFixed: number | undefined;
}

/** A fixed batch is as large as the artifact wants; without a layout each request runs alone. */
export function effectiveRules(rules: BatchingRules, layout: BatchLayout): EffectiveRules {
  switch (layout.kind) {
    case "dynamic": {
      const sliceItemsMax = Math.max(rules.sliceItemsMax ?? sliceItemsMaxDefault, rules.itemsMax);
      return { ...rules, sliceItemsMax, itemsFixed: undefined };
    }
    case "fixed":
      return {
        itemsMax: layout.items,
        delayMsMax: rules.delayMsMax,
        sliceItemsMax: layout.items,
        itemsFixed: layout.items,
      };
    case "none":
      return { itemsMax: 1, delayMsMax: 0, sliceItemsMax: 1, itemsFixed: undefined };
  }
}

/** The request as one entry, whatever its size. */
export function entryOf(
  request: InferenceRequest,
  context: RequestContext,
  arrivedAtMs: number,
): Entry {
  const entry = new Entry(request, context, arrivedAtMs);
  let bytes = 0;
  for (const tensor of request.inputs) if (tensor !== undefined) bytes += tensorBytes(tensor);
  entry.bytes = bytes;
  return entry;
}

/**
 * The entries of the slices of a large request, which answer as one.
 * REQUIRES: `entry` has more than `sliceItems` items, and its promise is set.
 */
export function slicesOf(entry: Entry, sliceItems: number): Whole {
  const entries = splitItems(entry.items, sliceItems).map(({ from, items }) => {
    const slice = new Entry(entry.request, entry.context, entry.arrivedAtMs);
    slice.key = entry.key;
    slice.from = from;
    slice.items = items;
    slice.bytes = Math.floor((entry.bytes * items) / entry.items);
    slice.suspect = entry.suspect;
    slice.resolve = entry.resolve;
    slice.reject = entry.reject;
    return slice;
  });
  const whole = new Whole(entries);
  for (const slice of entries) slice.whole = whole;
  return whole;
}
