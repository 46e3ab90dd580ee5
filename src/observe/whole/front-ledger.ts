/**
 * What the primary keeps of the other fronts' figures.
 *
 * The last that each front told is kept, and stands for it when it does not answer in time. When a
 * front ends, its counters go over to those of the departed. So the sum of a counter never falls;
 * what a front counted after its last report is lost with it (the reports come each second).
 */
import type { Clock, Limits } from "../../base/index.ts";
import { type FrontsSeen, ServerMetrics } from "../server-metrics.ts";
import { addFigures, type FrontFigures, figuresOf, type UsageFigures } from "./front-figures.ts";

export interface FrontLedgerOptions {
  /** Those of the whole server. */
  readonly limits: Limits;
  readonly clock: Clock;
  readonly build: string;
}

export interface LedgerSum {
  readonly metrics: ServerMetrics;
  readonly usage: UsageFigures;
}

export class FrontLedger {
  readonly #options: FrontLedgerOptions;
  /** The last figures by the number of the front; one entry for each that lives. */
  readonly #last = new Map<number, FrontFigures>();
  readonly #departed: ServerMetrics;
  /** CPU that the departed had used, s. */
  #departedCpuS = 0;

  constructor(options: FrontLedgerOptions) {
    this.#options = options;
    this.#departed = new ServerMetrics(options);
  }

  /** A front has told its figures. */
  note(front: number, figures: FrontFigures): void {
    this.#last.set(front, figures);
  }

  /** A front has ended. */
  leave(front: number): void {
    const figures = this.#last.get(front);
    if (figures === undefined) return;
    this.#last.delete(front);
    addFigures(this.#departed, figures, true);
    this.#departedCpuS += figures.usage.cpuSeconds;
  }

  /** The sum over all fronts. @param own those of the primary, of now */
  sum(own: FrontFigures, fronts: FrontsSeen): LedgerSum {
    const metrics = new ServerMetrics(this.#options);
    // In this order: a page lists versions as the primary has them.
    addFigures(metrics, own, false);
    for (const figures of this.#last.values()) addFigures(metrics, figures, false);
    addDeparted(metrics, this.#departed);
    metrics.fronts = fronts;
    const usages = [own, ...this.#last.values()].map((each) => each.usage);
    return { metrics, usage: usageSum(usages, this.#departedCpuS) };
  }
}

function addDeparted(target: ServerMetrics, departed: ServerMetrics): void {
  addFigures(target, figuresOf(departed, { usage: noUsage, ...plainForm }), true);
}

const plainForm = { hasWindows: false, isPrimary: false };

/** One row over all: times and memory add up, the most delayed loop stands for all. */
function usageSum(usages: readonly UsageFigures[], departedCpuS: number): UsageFigures {
  let sum: UsageFigures = { ...noUsage, cpuSeconds: departedCpuS };
  for (const each of usages) {
    sum = {
      cpuSeconds: sum.cpuSeconds + each.cpuSeconds,
      residentBytes: sum.residentBytes + each.residentBytes,
      heapUsedBytes: sum.heapUsedBytes + each.heapUsedBytes,
      // The primary is the first, and the server is as old as it is.
      startedAtS: sum.startedAtS === 0 ? each.startedAtS : sum.startedAtS,
      loopDelay: {
        p50S: Math.max(sum.loopDelay.p50S, each.loopDelay.p50S),
        p99S: Math.max(sum.loopDelay.p99S, each.loopDelay.p99S),
        maxS: Math.max(sum.loopDelay.maxS, each.loopDelay.maxS),
      },
    };
  }
  return sum;
}

const noUsage: UsageFigures = {
  cpuSeconds: 0,
  residentBytes: 0,
  heapUsedBytes: 0,
  startedAtS: 0,
  loopDelay: { p50S: 0, p99S: 0, maxS: 0 },
};
