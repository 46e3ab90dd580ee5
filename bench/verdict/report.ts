/**
 * Writes a comparison as text: a table of the sides, then a line for each claim.
 *
 * CPU per request comes first, because it is the steadier figure where others use the machine too.
 */
import { type Metric, metricTable, type Rounds, type Sample } from "../sample.ts";
import type { Comparison } from "../stage.ts";
import type { BaselineVerdict } from "./baseline.ts";
import { type Claim, generatorShareMax, type Verdict } from "./claim.ts";
import { spreadOf } from "./spread.ts";

/** Other work on the machine, in cores, above which a table says that it is not clean. */
const othersShareMax = 0.1;

/** The table of the sides: medians, and for throughput the least and the most. */
export function sidesTable(comparison: Comparison, rounds: Rounds): string[] {
  const metrics = (Object.keys(metricTable) as Metric[]).filter((metric) =>
    [...rounds.values()].some((samples) => samples.some((each) => each[metric] !== undefined)),
  );
  const head = ["side", ...metrics.map((metric) => titleOf(metric, comparison))];
  const lines = [...rounds].map(([name, samples]) => [
    name,
    ...metrics.map((metric) => cellOf(metric, samples)),
  ]);
  const table = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
}

function titleOf(metric: Metric, comparison: Comparison): string {
  if (metric === "perSecond") return `${comparison.unit ?? "requests"}/s (min-max)`;
  return metricTable[metric];
}

function cellOf(metric: Metric, samples: readonly Sample[]): string {
  const values = samples.flatMap((each) => each[metric] ?? []);
  if (values.length === 0) return "";
  const { median, min, max } = spreadOf(values);
  if (metric === "perSecond") return `${whole(median)} (${whole(min)}-${whole(max)})`;
  if (metric === "errors") return whole(values.reduce((sum, each) => sum + each, 0));
  if (metric.endsWith("Share")) return metric === "cpuShare" ? median.toFixed(2) : percent(median);
  return median < 100 ? median.toFixed(1) : whole(median);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** One line for a verdict: the figure with its spread, the goal, and what to think of it. */
export function verdictLine(verdict: Verdict, baseline: BaselineVerdict | undefined): string {
  const { claim, spread, state } = verdict;
  if (spread === undefined) return `${claim.title}: not measured`;
  const one = (value: number) => figure(claim, value);
  const parts = [`${claim.title}: ${one(spread.median)} (${one(spread.min)}-${one(spread.max)})`];
  if (claim.goal !== undefined) {
    const [sign, goal] =
      "atLeast" in claim.goal ? [">=", claim.goal.atLeast] : ["<=", claim.goal.atMost];
    const scope = claim.isForEveryRound === true ? " in every round" : "";
    parts.push(`goal ${sign} ${one(goal)}${scope}: ${state}`);
  }
  if (state === "void") parts.push(`void: the generator had over ${percent(generatorShareMax)}`);
  if (verdict.undecided.length > 0) parts.push(`undecided: ${verdict.undecided.join(", ")}`);
  if (baseline !== undefined) {
    const word = baseline.isRegressed ? "LOST against" : "kept";
    parts.push(`${word} baseline ${one(baseline.recorded)}`);
  }
  return parts.join("; ");
}

function figure(claim: Claim, value: number): string {
  if (claim.as === "ratio") return `${value.toFixed(2)}x`;
  return Math.abs(value) < 100 && !Number.isInteger(value) ? value.toFixed(1) : whole(value);
}

/** Says so when the machine did other work during the rounds; empty when it was quiet. */
export function quietness(rounds: Rounds): string[] {
  const shares = [...rounds.values()].flat().flatMap((each) => each.othersShare ?? []);
  if (shares.length === 0) return [];
  const { median, max } = spreadOf(shares);
  if (max <= othersShareMax) return [];
  const cores = `${median.toFixed(2)} cores at the median, ${max.toFixed(2)} at most`;
  return [`the machine was not quiet: other work took ${cores}`];
}
