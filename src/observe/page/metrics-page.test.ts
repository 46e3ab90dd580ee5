// Goal: both forms are what a strict scraper reads, with the promised names and buckets.
// Method: a parser that keeps the rules of the two formats; promtool as well where it is installed.
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { defaultLimits, FakeClock } from "../../base/index.ts";
import { ProcessUsage } from "../process-usage.ts";
import { ServerMetrics } from "../server-metrics.ts";
import type { MetricFormat } from "./metric-writer.ts";
import { metricsPage } from "./metrics-page.ts";

function page(format: MetricFormat): string {
  const metrics = new ServerMetrics({
    limits: defaultLimits,
    clock: new FakeClock(),
    build: "0.1.0",
  });
  const usage = new ProcessUsage(1_700_000_000_000);
  const version = metrics.of('od"d\\', "1.0.0");
  const gauges = { isReady: () => true, workerMemoryBytes: () => 7, workerRestarts: () => 1 };
  version.loaded(250, gauges);
  const times = {
    arrivedAtMs: 0,
    decodedAtMs: 1,
    sentAtMs: 2,
    answeredAtMs: 9,
    runMs: 5,
    batchItems: 2,
  };
  for (const outcome of ["OK", "OK", "INTERNAL"] as const) {
    version.requestDone({ door: "rest", outcome, items: 2, times, endedAtMs: 10 });
  }
  metrics.of("plain", "3");
  metrics.unresolved.add("rest", "MODEL_NOT_FOUND");
  metrics.http.requestBytes.record(300);
  const text = metricsPage(metrics, usage, format);
  usage.close();
  return text;
}

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** Checks the order of lines and the shape of samples; gives the samples. */
function parse(text: string, format: MetricFormat): Sample[] {
  const lines = text.split("\n");
  expect(lines.pop()).toBe("");
  if (format === "openmetrics") expect(lines.pop()).toBe("# EOF");
  const seen = new Set<string>();
  const samples: Sample[] = [];
  let family = { name: "", type: "" };
  for (const line of lines) {
    if (line.startsWith("# HELP ")) {
      const name = line.split(" ")[2] ?? "";
      expect(seen.has(name), `family ${name} opened twice`).toBe(false);
      seen.add(name);
      family = { name, type: "" };
    } else if (line.startsWith("# TYPE ")) {
      expect(line.split(" ")[2]).toBe(family.name);
      family = { name: family.name, type: line.split(" ")[3] ?? "" };
      expect(["counter", "gauge", "histogram"]).toContain(family.type);
    } else samples.push(sampleOf(line, family, format));
  }
  return samples;
}

const pair = '[a-z_]+="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const shape = new RegExp(`^([a-z_]+)(?:\\{(${pair}(?:,${pair})*)\\})? (\\S+)$`);

function sampleOf(
  line: string,
  family: { name: string; type: string },
  format: MetricFormat,
): Sample {
  const found = shape.exec(line);
  if (found === null) throw new Error(`not a sample: ${line}`);
  const [, name = "", labels = "", value = ""] = found;
  const ends = { counter: ["_total"], gauge: [""], histogram: ["_bucket", "_sum", "_count"] };
  const isBare = family.type === "counter" && format === "prometheus";
  const allowed = isBare ? [""] : ends[family.type as keyof typeof ends];
  expect(allowed.map((end) => family.name + end)).toContain(name);
  expect(Number.isNaN(Number(value.replace("+Inf", "Infinity")))).toBe(false);
  return { name, labels, value: Number(value) };
}

for (const format of ["prometheus", "openmetrics"] as const) {
  test(`the ${format} page is well formed`, () => {
    const samples = parse(page(format), format);
    const keys = samples.map(({ name, labels }) => `${name}{${labels}}`);
    expect(new Set(keys).size).toBe(keys.length);
    const wanted = 'prediction_total{model="od\\"d\\\\",model_version="1.0.0",status="success"}';
    expect(samples[keys.indexOf(wanted)]?.value).toBe(2);
  });

  test(`buckets of the ${format} page grow to the count`, () => {
    const samples = parse(page(format), format);
    const buckets = samples.filter(({ name }) => name.endsWith("_bucket"));
    expect(buckets.length).toBeGreaterThan(0);
    let last: Sample | undefined;
    for (const each of buckets) {
      const rest = each.labels.replace(/,?le="[^"]*"/, "");
      const isSame = last?.name === each.name && last.labels === rest;
      if (isSame) expect(each.value).toBeGreaterThanOrEqual(last?.value ?? 0);
      if (each.labels.includes('le="+Inf"')) {
        const name = each.name.replace("_bucket", "_count");
        const count = samples.find((other) => other.name === name && other.labels === rest);
        expect(count?.value).toBe(each.value);
      }
      last = { ...each, labels: rest };
    }
  });
}

test("the families that foreign dashboards read have their labels and buckets", () => {
  const text = page("prometheus");
  const bounds = [...text.matchAll(/prediction_latency_seconds_bucket\{model="plain".*le="(.*)"/g)];
  expect(bounds.map(([, bound]) => bound)).toEqual([
    "0.01",
    "0.025",
    "0.05",
    "0.1",
    "0.25",
    "0.5",
    "1",
    "+Inf",
  ]);
  expect(text).toContain('model_load_time_seconds{model="od\\"d\\\\",model_version="1.0.0"} 0.25');
  expect(text).toContain('prediction_total{model="plain",model_version="3",status="error"} 0');
  expect(text).toContain('millrace_limit{name="queueItemsMax"} 1048576');
  expect(text).toContain('millrace_limit_hits_total{name="queueItemsMax"} 0');
  expect(text).toContain(
    'millrace_requests_total{model="",version="",door="rest",code="MODEL_NOT_FOUND"} 1',
  );
});

test("promtool finds no error in the page", (context) => {
  const tool = process.env["PROMTOOL"] ?? "promtool";
  const run = spawnSync(tool, ["check", "metrics"], { input: page("prometheus") });
  if (run.error !== undefined) context.skip("promtool is not installed");
  expect(`${run.stdout}${run.stderr}`.trim()).toBe("");
  expect(run.status).toBe(0);
});
