/**
 * Writes metrics as Prometheus text 0.0.4 or OpenMetrics 1.0.
 *
 * Our own, because the counters are plain fields: a client library would keep its own copies under
 * label maps and cost 100 ns and more per observation. The two forms differ in the name of a
 * counter's family, in how whole bounds are written and in the end mark. Invariant: all samples of
 * a family follow its `# TYPE` line, and a family is opened once.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 * @see https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 */
import type { BucketCounts } from "../bucket-counts.ts";

export type MetricFormat = "prometheus" | "openmetrics";

export const metricContentTypes: { readonly [format in MetricFormat]: string } = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

export type MetricType = "counter" | "gauge" | "histogram";

/** `name="value",...` with values escaped; empty for no labels. */
export function labelText(labels: { readonly [name: string]: string }): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

export class MetricWriter {
  readonly #format: MetricFormat;
  /** One line each; bounded by the number of metrics. */
  readonly #lines: string[] = [];
  #family = "";

  constructor(format: MetricFormat) {
    this.#format = format;
  }

  /**
   * Opens a family; the samples that follow are its.
   *
   * @param name a counter's ends in `_total`
   */
  family(name: string, type: MetricType, help: string): this {
    this.#family = name;
    const isShort = type === "counter" && this.#format === "openmetrics";
    const title = isShort ? name.slice(0, -"_total".length) : name;
    this.#lines.push(`# HELP ${title} ${help}`, `# TYPE ${title} ${type}`);
    return this;
  }

  /** One sample of a counter or gauge; `labels` as `labelText` gives them. */
  sample(labels: string, value: number): this {
    const braces = labels === "" ? "" : `{${labels}}`;
    this.#lines.push(`${this.#family}${braces} ${numberText(value)}`);
    return this;
  }

  /**
   * One histogram.
   *
   * @param scale multiplies bounds and sum: 0.001 turns ms into seconds
   */
  histogram(labels: string, counts: BucketCounts, scale: number): this {
    const comma = labels === "" ? "" : `${labels},`;
    const braces = labels === "" ? "" : `{${labels}}`;
    const { bounds } = counts.bounds;
    let below = 0;
    for (let index = 0; index <= bounds.length; index += 1) {
      below += counts.countAt(index);
      const bound = bounds[index];
      const le = bound === undefined ? "+Inf" : this.#bound(scaled(bound, scale));
      this.#lines.push(`${this.#family}_bucket{${comma}le="${le}"} ${below}`);
    }
    const sum = numberText(scaled(counts.sum, scale));
    this.#lines.push(`${this.#family}_sum${braces} ${sum}`);
    this.#lines.push(`${this.#family}_count${braces} ${below}`);
    return this;
  }

  /** The whole page. */
  text(): string {
    const end = this.#format === "openmetrics" ? "# EOF\n" : "";
    return `${this.#lines.join("\n")}\n${end}`;
  }

  /** OpenMetrics wants a bound to look like a float. */
  #bound(bound: number): string {
    const text = numberText(bound);
    return this.#format === "openmetrics" && Number.isInteger(bound) ? `${text}.0` : text;
  }
}

/** Divides where that is exact in decimals: 0.1 ms is 0.0001 s, not 0.00010000000000000001. */
function scaled(value: number, scale: number): number {
  return scale === 1 ? value : value / Math.round(1 / scale);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
