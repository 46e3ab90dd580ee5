/**
 * What others than the package say about how it is run, and the bounds of all who say it.
 */
/** By the operator for all, or by who loads one; `undefined` leaves the package's word. */
export interface RunSettings {
  /** Largest batch, items. */
  readonly itemsMax: number | undefined;
  /** Items of one request. */
  readonly requestItemsMax?: number | undefined;
  /** Longest wait for company, ms. */
  readonly delayMsMax: number | undefined;
  readonly instances: number | "auto" | undefined;
  /** Of each instance. */
  readonly threads?: number | undefined;
}

/** The largest that may be said. */
export const runCeilings = { itemsMax: 10_000, delayMsMax: 1_000, instances: 64 } as const;
