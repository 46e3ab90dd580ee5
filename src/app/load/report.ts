/**
 * The figures of a load run, as text with a histogram and as JSON.
 */
import { type Histogram, histogramBucketFrom, histogramBuckets } from "../../base/index.ts";
import { columns } from "../terminal.ts";
import type { Measure } from "./measure.ts";

/** What was asked for and what the generator itself took. */
export interface RunFacts {
  readonly connections: number;
  /** Requests a second that were due, or `undefined` for a closed loop. */
  readonly ratePerS: number | undefined;
  readonly durationS: number;
  /** CPU time of the generator as a share of one core. */
  readonly generatorShare: number;
}

export interface BenchFigures {
  readonly mode: "closed" | "open";
  readonly connections: number;
  readonly rate_per_s: number | null;
  readonly duration_s: number;
  readonly requests: number;
  readonly requests_per_s: number;
  readonly errors: number;
  /** Answers by HTTP status; "0" is a broken connection. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly dropped: number;
  readonly latency_ms: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly "p99.9": number;
    readonly mean: number;
    readonly max: number;
  };
  readonly generator_cpu_share: number;
}

/** Above this the generator itself may be what was measured. */
const generatorShareMax = 0.85;
const rowsMax = 14;
const barMax = 40;

export function benchFigures(measure: Measure, facts: RunFacts): BenchFigures {
  const { latency } = measure;
  return {
    mode: facts.ratePerS === undefined ? "closed" : "open",
    connections: facts.connections,
    rate_per_s: facts.ratePerS ?? null,
    duration_s: round(facts.durationS),
    requests: measure.count,
    requests_per_s: facts.durationS === 0 ? 0 : round(measure.count / facts.durationS),
    errors: measure.errors,
    statuses: Object.fromEntries(measure.statuses),
    dropped: measure.dropped,
    latency_ms: {
      p50: round(latency.percentile(0.5)),
      p95: round(latency.percentile(0.95)),
      p99: round(latency.percentile(0.99)),
      "p99.9": round(latency.percentile(0.999)),
      mean: round(latency.mean),
      max: round(latency.max),
    },
    generator_cpu_share: round(facts.generatorShare),
  };
}

/** The report for a person. */
export function reportText(figures: BenchFigures, latency: Histogram): string {
  const { latency_ms: ms } = figures;
  const load =
    figures.rate_per_s === null
      ? `closed loop, ${figures.connections} connections`
      : `open loop, ${figures.rate_per_s} requests/s due, up to ${figures.connections} connections`;
  const rows = [
    ["load", load],
    ["requests", `${figures.requests} in ${figures.duration_s} s`],
    ["rate", `${figures.requests_per_s} requests/s`],
    ["errors", errorText(figures)],
    ["", ""],
    ["p50", `${ms.p50} ms`],
    ["p95", `${ms.p95} ms`],
    ["p99", `${ms.p99} ms`],
    ["p99.9", `${ms["p99.9"]} ms`],
    ["mean", `${ms.mean} ms`],
    ["max", `${ms.max} ms`],
  ];
  const parts = [columns(rows, "  "), latencyBars(latency)];
  if (figures.generator_cpu_share > generatorShareMax) {
    const share = Math.round(figures.generator_cpu_share * 100);
    parts.push(`  The generator used ${share}% of a core: the figures may be its own limit.`);
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

function errorText({ errors, statuses, dropped }: BenchFigures): string {
  const bad = Object.entries(statuses).filter(([status]) => !status.startsWith("2"));
  const named = bad.map(([status, count]) =>
    status === "0" ? `${count} broken connections` : `${count} x ${status}`,
  );
  if (dropped > 0) named.push(`${dropped} never sent`);
  return named.length === 0 ? "none" : `${errors} (${named.join(", ")})`;
}

/** One row a range of latency, at most 14, with a bar by its share. */
export function latencyBars(latency: Histogram): string {
  if (latency.count === 0) return "";
  const filled: number[] = [];
  for (let index = 0; index < histogramBuckets; index += 1) {
    if (latency.countAt(index) > 0) filled.push(index);
  }
  const first = filled[0] ?? 0;
  const width = Math.max(1, Math.ceil(((filled.at(-1) ?? first) - first + 1) / rowsMax));
  const counts: number[] = [];
  for (const index of filled) {
    const row = Math.floor((index - first) / width);
    counts[row] = (counts[row] ?? 0) + latency.countAt(index);
  }
  const most = Math.max(...counts.map((count) => count ?? 0));
  const rows = Array.from(counts, (count = 0, row) => {
    const upTo = histogramBucketFrom(Math.min(first + (row + 1) * width, histogramBuckets));
    const bar = "#".repeat(Math.ceil((count / most) * barMax));
    return [`< ${msText(upTo)}`, String(count), bar];
  });
  return columns([
    ["  ms", "requests", ""],
    ...rows.map(([a, b, c]) => [`  ${a}`, `${b}`, `${c}`]),
  ]);
}

function msText(ms: number): string {
  return ms < 10 ? ms.toFixed(3) : ms.toFixed(1);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
