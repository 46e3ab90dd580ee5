/**
 * Decides how a request with more items than a run may hold is cut.
 *
 * Full slices first, the rest last, so that only the last one may share its run with others.
 */

export interface ItemSlice {
  readonly from: number;
  readonly items: number;
}

/**
 * The slices of `items` items, each of at most `sliceItemsMax`, in order.
 * REQUIRES: both are at least 1.
 */
export function splitItems(items: number, sliceItemsMax: number): ItemSlice[] {
  const slices: ItemSlice[] = [];
  for (let from = 0; from < items; from += sliceItemsMax) {
    slices.push({ from, items: Math.min(sliceItemsMax, items - from) });
  }
  return slices;
}
