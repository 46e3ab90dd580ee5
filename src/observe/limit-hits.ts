/**
 * How often each limit was hit, and what the limits are.
 *
 * One counter per row of the limit table, so the names are bounded.
 */
import { type LimitName, type Limits, limitTable } from "../base/index.ts";

export const limitNames = Object.keys(limitTable) as readonly LimitName[];

export class LimitHits {
  /** The limits in force. */
  readonly limits: Limits;
  /** One entry per limit. */
  readonly #counts = new Map<LimitName, number>();

  constructor(limits: Limits) {
    this.limits = limits;
  }

  add(name: LimitName, times = 1): void {
    this.#counts.set(name, this.count(name) + times);
  }

  count(name: LimitName): number {
    return this.#counts.get(name) ?? 0;
  }
}
