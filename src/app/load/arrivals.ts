/**
 * When the requests of an open loop are due.
 *
 * Poisson arrivals (exponential gaps) are what many independent callers make; constant ones show
 * the server alone. The instants do not depend on any answer: that is what makes the loop open.
 */
import type { Random } from "../../base/index.ts";

export type ArrivalKind = "poisson" | "constant";

export interface ArrivalPlan {
  readonly kind: ArrivalKind;
  /** Requests a second, > 0. */
  readonly ratePerS: number;
  readonly random: Random;
}

export class Arrivals {
  readonly #plan: ArrivalPlan;
  #nextAtMs: number;

  /** @param startMs the first request is due one gap after it */
  constructor(plan: ArrivalPlan, startMs: number) {
    this.#plan = plan;
    this.#nextAtMs = startMs + this.#gapMs();
  }

  /** When the next request is due, ms. */
  get nextAtMs(): number {
    return this.#nextAtMs;
  }

  /** Takes the next request; gives the instant at which it was due. */
  take(): number {
    const due = this.#nextAtMs;
    this.#nextAtMs += this.#gapMs();
    return due;
  }

  #gapMs(): number {
    const meanMs = 1000 / this.#plan.ratePerS;
    if (this.#plan.kind === "constant") return meanMs;
    return -Math.log(1 - this.#plan.random.next()) * meanMs;
  }
}
