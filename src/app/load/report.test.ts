// Goal: figures and bars say what was measured, and warm-up leaves no trace.
// Method: a measure filled by hand.
import { expect, test } from "vitest";
import { Histogram } from "../../base/index.ts";
import { Measure } from "./measure.ts";
import { benchFigures, latencyBars, reportText } from "./report.ts";

function measured(): Measure {
  const measure = new Measure();
  measure.answered(200, 999);
  measure.begin(1_000);
  for (let index = 0; index < 98; index += 1) measure.answered(200, 1 + index / 100);
  measure.answered(503, 40);
  measure.answered(0, 50);
  measure.end(3_000);
  return measure;
}

const facts = { connections: 8, ratePerS: undefined, durationS: 2, generatorShare: 0.9 };

test("figures count answers, errors and broken connections after the warm-up", () => {
  const figures = benchFigures(measured(), facts);
  expect(figures).toMatchObject({
    mode: "closed",
    requests: 100,
    requests_per_s: 50,
    errors: 2,
    statuses: { "0": 1, "200": 98, "503": 1 },
  });
  expect(figures.latency_ms.max).toBe(50);
});

test("the report names errors and warns when the generator was the limit", () => {
  const measure = measured();
  const text = reportText(benchFigures(measure, facts), measure.latency);
  expect(text).toContain("2 (1 broken connections, 1 x 503)");
  expect(text).toContain("The generator used 90% of a core");
});

test("bars hold every request and are at most fourteen", () => {
  const latency = new Histogram();
  for (let index = 1; index <= 5_000; index += 1) latency.record(index / 7);
  const rows = latencyBars(latency).split("\n").slice(1);
  expect(rows.length).toBeLessThanOrEqual(14);
  const counts = rows.map((row) => Number(row.trim().split(/ {2,}/)[1]));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5_000);
  expect(latencyBars(new Histogram())).toBe("");
});
