/**
 * What is measured: named figures of one side in one round, and who measures them.
 *
 * A side is anything that can be measured for some seconds: a server under load, a bare loop, a
 * start of a process. A comparison starts its sides once and the rounds measure them in turn.
 */

/** Every figure has one name and one unit, whichever comparison it stands in. */
export const metricTable = {
  cpuUs: "CPU us/request",
  frontCpuUs: "front CPU us",
  perSecond: "per second",
  /** The rate over that on one core in the same round. */
  gain: "gain",
  p50Us: "p50 us",
  p99Us: "p99 us",
  maxUs: "max us",
  liveP99Us: "live p99 us",
  liveMaxUs: "live max us",
  clientLateUs: "client late us",
  errors: "errors",
  batchItems: "items/batch",
  startMs: "start ms",
  pssMiB: "PSS MiB",
  cpuShare: "cores used",
  generatorShare: "generator share",
  othersShare: "other work",
} as const;

export type Metric = keyof typeof metricTable;

/** The figures of one side in one round; what a side does not measure is absent. */
export type Sample = Readonly<Partial<Record<Metric, number>>>;

export interface Side {
  readonly name: string;
  /** Measures for about `seconds`. REQUIRES: no other side is being measured. */
  measure(seconds: number): Promise<Sample>;
}

/** The figures of each side, one a round, by the name of the side. */
export type Rounds = ReadonlyMap<string, readonly Sample[]>;
