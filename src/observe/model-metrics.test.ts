// Goal: what happened is what is counted, and the number of counted versions is bounded.
// Method: requests by hand on a fake clock, read back as JSON figures.
import { expect, test } from "vitest";
import { defaultLimits, FakeClock } from "../base/index.ts";
import type { StageTimes } from "../predict/index.ts";
import type { FinishedRequest } from "./model-metrics.ts";
import { modelFigures, serverFigures } from "./page/metrics-json.ts";
import { ServerMetrics } from "./server-metrics.ts";

function make(metricModelsMax = 10): { metrics: ServerMetrics; clock: FakeClock } {
  const clock = new FakeClock();
  const limits = { ...defaultLimits, metricModelsMax };
  return { metrics: new ServerMetrics({ limits, clock, build: "0.0.0" }), clock };
}

function request(outcome: FinishedRequest["outcome"], totalMs = 10): FinishedRequest {
  const times: StageTimes = {
    arrivedAtMs: 100,
    decodedAtMs: 101,
    sentAtMs: 103,
    answeredAtMs: 106,
    runMs: 2,
    batchItems: 4,
  };
  return { door: "rest", outcome, items: 3, times, endedAtMs: 100 + totalMs };
}

test("an answered request is counted and timed in every stage", () => {
  const { metrics } = make();
  const version = metrics.of("churn", "1.0.0");
  version.requestBegan();
  expect(version.inFlight).toBe(1);
  version.requestDone(request("OK"));
  expect(version.inFlight).toBe(0);
  expect(version.items).toBe(3);
  const { decode, queue, inference, encode, total } = version;
  expect([decode, queue, inference, encode, total].map((each) => each.sum)).toEqual([
    1, 2, 3, 4, 10,
  ]);
});

test("a caller's mistake is counted but not timed; a failure of ours is both", () => {
  const { metrics } = make();
  const version = metrics.of("churn", "1.0.0");
  for (const outcome of ["INVALID_INPUT", "WORKER_LOST", "INTERNAL"] as const) {
    version.requestBegan();
    version.requestDone(request(outcome));
  }
  expect(version.requests.errors).toBe(3);
  expect(version.requests.at("rest", "INVALID_INPUT")).toBe(1);
  expect(version.total.count).toBe(2);
  expect(version.items).toBe(0);
});

test("the server's figures are empty before a request and cover all models after", () => {
  const { metrics, clock } = make();
  expect(serverFigures(metrics)).toEqual({});
  clock.advance(200);
  metrics.of("a", "1").requestDone(request("OK", 10));
  metrics.of("b", "1").requestDone(request("OK", 30));
  expect(serverFigures(metrics)).toMatchObject({ mean: 20, max: 30 });
  clock.advance(120_000);
  expect(serverFigures(metrics)).toEqual({ p50: 0, p95: 0, p99: 0, mean: 0, max: 0 });
});

test("a version's figures have the documented names and units", () => {
  const { metrics } = make();
  const version = metrics.of("churn", "1.2.0");
  const gauges = { isReady: () => true, workerMemoryBytes: () => 7, workerRestarts: () => 0 };
  version.loaded(1500, gauges);
  version.requestDone(request("OK"));
  version.batchDone({
    items: 3,
    requests: 1,
    runMs: 2,
    roundTripMs: 3,
    queueMsMax: 2,
    isSuccess: true,
  });
  expect(modelFigures(version, 200)).toEqual({
    model_name: "churn",
    version: "1.2.0",
    is_loaded: true,
    load_time: 1.5,
    inference_count: 3,
    average_latency_ms: 10,
    total_inference_time: 0.002,
    p50: 10,
    p95: 10,
    p99: 10,
    mean: 10,
    max: 10,
  });
  version.unloaded({ ...gauges });
  expect(version.isReady).toBe(true);
  version.unloaded(gauges);
  expect(version.isReady).toBe(false);
  expect(version.batches.sizes()).toEqual([{ items: 3, batches: 1, runMs: 2 }]);
});

test("past metricModelsMax versions are counted together as other, and the limit is hit", () => {
  const { metrics } = make(2);
  const first = metrics.of("a", "1");
  expect(metrics.of("b", "1").model).toBe("b");
  expect(metrics.limitHits.count("metricModelsMax")).toBe(0);
  const third = metrics.of("c", "1");
  expect(third.model).toBe("other");
  expect(metrics.of("d", "1")).toBe(third);
  expect(metrics.of("a", "1")).toBe(first);
  expect(metrics.limitHits.count("metricModelsMax")).toBe(2);
  expect(metrics.all()).toHaveLength(3);
});
