// Goal: the sum over several fronts is what one front would have counted, and no counter falls.
// Method: the same requests in one ServerMetrics and spread over several, as their pages show them.
import { expect, test } from "vitest";
import { defaultLimits, FakeClock } from "../../base/index.ts";
import { serverFigures } from "../page/metrics-json.ts";
import { metricsPage } from "../page/metrics-page.ts";
import { ServerMetrics } from "../server-metrics.ts";
import { type FrontFigures, figuresOf } from "./front-figures.ts";
import { FrontLedger } from "./front-ledger.ts";

const clock = new FakeClock();
const options = { limits: defaultLimits, clock, build: "1" };
const usage = {
  cpuSeconds: 1,
  residentBytes: 10,
  heapUsedBytes: 5,
  startedAtS: 100,
  loopDelay: { p50S: 0.1, p99S: 0.2, maxS: 0.3 },
};
const all = { answered: 2, missing: 0 };

/** One request on the version `m` 1 that took `tookMs`, and all else that is counted. */
function count(metrics: ServerMetrics, tookMs: number): void {
  const version = metrics.of("m", "1");
  version.requestBegan();
  const nowMs = clock.nowMs();
  const times = {
    ...{ arrivedAtMs: nowMs, decodedAtMs: nowMs + 1, sentAtMs: nowMs + 2 },
    ...{ answeredAtMs: nowMs + 3, runMs: 1, batchItems: 2 },
  };
  const endedAtMs = nowMs + tookMs;
  version.requestDone({ door: "rest", outcome: "OK", items: 2, times, endedAtMs });
  const batch = { items: 2, requests: 1, runMs: 1, roundTripMs: 2, queueMsMax: 0 };
  version.batchDone({ ...batch, isSuccess: true });
  version.endedEarly("cancelled", 1);
  version.batchRetried(3);
  metrics.unresolved.add("grpc", "NOT_FOUND");
  metrics.limitHits.add("streamsMax");
  metrics.http.requestBytes.record(1_000);
  metrics.http.jsonOffloaded += 1;
  metrics.grpc.messageBytes.record(10);
}

function figures(metrics: ServerMetrics, isPrimary = false): FrontFigures {
  return structuredClone(figuresOf(metrics, { usage, hasWindows: true, isPrimary }));
}

function page(metrics: ServerMetrics): string {
  const shown = {
    ...usage,
    cpuSeconds: () => 0,
    residentBytes: () => 0,
    heapUsedBytes: () => 0,
    loopDelay: () => usage.loopDelay,
  };
  metrics.fronts = undefined;
  return metricsPage(metrics, shown, "prometheus");
}

test("counts of several fronts are those of one", () => {
  const [one, first, second] = [1, 2, 3].map(() => new ServerMetrics(options));
  if (one === undefined || first === undefined || second === undefined) throw new Error("three");
  for (const [index, tookMs] of [4, 7, 30, 120, 2_000].entries()) {
    count(one, tookMs);
    count(index % 2 === 0 ? first : second, tookMs);
  }
  const ledger = new FrontLedger(options);
  ledger.note(1, figures(second));
  const sum = ledger.sum(figures(first, true), all).metrics;
  expect(serverFigures(sum)).toEqual(serverFigures(one));
  expect(sum.of("m", "1").batches.sizes()).toEqual(one.of("m", "1").batches.sizes());
  expect(page(sum)).toBe(page(one));
});

test("readiness, load time and workers are the primary's; what is under way adds up", () => {
  const [first, second] = [new ServerMetrics(options), new ServerMetrics(options)];
  const gauges = {
    isReady: () => true,
    workerMemoryBytes: () => 77,
    workerRestarts: () => 3,
  };
  for (const metrics of [first, second]) {
    metrics.of("m", "1").loaded(50, gauges);
    metrics.of("m", "1").requestBegan();
    metrics.http.connections = () => 5;
  }
  const ledger = new FrontLedger(options);
  ledger.note(1, figures(second));
  const { metrics, usage: sum } = ledger.sum(figures(first, true), all);
  const version = metrics.of("m", "1");
  const seen = [version.inFlight, version.isReady, version.workerMemoryBytes, version.loadMs];
  expect(seen).toEqual([2, true, 77, 50]);
  expect([version.workerRestarts, metrics.http.connections()]).toEqual([3, 10]);
  expect(sum).toMatchObject({ cpuSeconds: 2, residentBytes: 20, startedAtS: 100 });
  expect(sum.loopDelay).toEqual(usage.loopDelay);
});

test("a front that does not answer counts as it last did; one that is gone leaves no gauge", () => {
  const [first, second] = [new ServerMetrics(options), new ServerMetrics(options)];
  const ledger = new FrontLedger(options);
  count(second, 5);
  second.of("m", "1").requestBegan();
  ledger.note(1, figures(second));
  // Counted after its last report: not known.
  count(second, 5);
  const own = figures(first, true);
  const items = (): number => ledger.sum(own, all).metrics.of("m", "1").items;
  const inFlight = (): number => ledger.sum(own, all).metrics.of("m", "1").inFlight;
  expect([items(), inFlight()]).toEqual([2, 1]);
  ledger.leave(1);
  expect([items(), inFlight(), ledger.sum(own, all).usage.cpuSeconds]).toEqual([2, 0, 2]);
  // Its successor starts from nothing.
  const third = new ServerMetrics(options);
  count(third, 5);
  ledger.note(2, figures(third));
  ledger.leave(9);
  expect(items()).toBe(4);
});
