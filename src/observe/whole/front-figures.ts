/**
 * The figures of one front as plain values, and how they are added up.
 *
 * Counts, sums and buckets add exactly, so the figures of all fronts together are what one front
 * would have counted. What the primary alone knows (readiness, workers, load times) is taken from
 * the one that has it. A front that is gone adds its counters and no gauge, so no counter of the
 * server ever goes back.
 */
import { Histogram, type HistogramCounts, type LimitName } from "../../base/index.ts";
import type { BatchSize } from "../batch-sizes.ts";
import type { PlainBuckets } from "../bucket-counts.ts";
import { limitNames } from "../limit-hits.ts";
import type { ModelMetrics } from "../model-metrics.ts";
import type { LoopDelay } from "../process-usage.ts";
import type { ServerMetrics } from "../server-metrics.ts";

const bucketNames = [
  "decode",
  "queue",
  "inference",
  "encode",
  "total",
  "compatible",
  "batchRoundTrip",
] as const;

const counterNames = [
  "items",
  "batchFailures",
  "retriedRequests",
  "cancelled",
  "expired",
  "workerDeaths",
  "runMs",
] as const;

const gaugeNames = ["inFlight", "queueItems", "queueBytes"] as const;

/** Each front knows of the same inputs: who knows most is right. */
const knownNames = ["suspects", "quarantined"] as const;

type Numbers<Name extends string> = { readonly [name in Name]: number };

export interface VersionFigures {
  readonly model: string;
  readonly version: string;
  readonly requests: Float64Array;
  readonly buckets: { readonly [name in (typeof bucketNames)[number]]: PlainBuckets };
  readonly counters: Numbers<(typeof counterNames)[number]>;
  readonly gauges: Numbers<(typeof gaugeNames)[number]>;
  readonly known: Numbers<(typeof knownNames)[number]>;
  readonly batchItems: PlainBuckets;
  readonly batchSizes: readonly BatchSize[];
  /** Unix ms; `undefined` before the first answer. */
  readonly lastAnswerWallMs: number | undefined;
  readonly window: HistogramCounts | undefined;
  /** What the front that keeps the workers knows. */
  readonly load: LoadFigures | undefined;
}

interface LoadFigures {
  readonly loadMs: number;
  readonly isReady: boolean;
  readonly workerMemoryBytes: number;
  readonly workerRestarts: number;
}

export interface UsageFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly startedAtS: number;
  readonly loopDelay: LoopDelay;
}

export interface FrontFigures {
  readonly versions: readonly VersionFigures[];
  readonly unresolved: Float64Array;
  readonly limitHits: readonly (readonly [LimitName, number])[];
  readonly requestBytes: PlainBuckets;
  readonly messageBytes: PlainBuckets;
  readonly counters: Numbers<"jsonOffloaded" | "repliesOffloaded" | "slowClosed">;
  readonly gauges: Numbers<
    "connections" | "streams" | "streamBufferBytes" | "unreadBytes" | "grpcStreams"
  >;
  readonly usage: UsageFigures;
}

/** How the figures are wanted. */
export interface FiguresForm {
  readonly usage: UsageFigures;
  readonly hasWindows: boolean;
  /** This front keeps the workers. */
  readonly isPrimary: boolean;
}

export function figuresOf(metrics: ServerMetrics, form: FiguresForm): FrontFigures {
  const { http, grpc, limitHits } = metrics;
  const { jsonOffloaded, repliesOffloaded, slowClosed } = http;
  return {
    versions: metrics.all().map((each) => versionFigures(metrics, each, form)),
    unresolved: metrics.unresolved.plain(),
    limitHits: limitNames.flatMap((name) => {
      const count = limitHits.count(name);
      return count === 0 ? [] : [[name, count] as const];
    }),
    requestBytes: http.requestBytes.plain(),
    messageBytes: grpc.messageBytes.plain(),
    counters: { jsonOffloaded, repliesOffloaded, slowClosed },
    gauges: {
      connections: http.connections(),
      streams: http.streams(),
      streamBufferBytes: http.streamBufferBytes(),
      unreadBytes: http.unreadBytes(),
      grpcStreams: grpc.streams(),
    },
    usage: form.usage,
  };
}

function versionFigures(
  { clock }: ServerMetrics,
  each: ModelMetrics,
  form: FiguresForm,
): VersionFigures {
  const nowMs = clock.nowMs();
  const { model, version, lastAnswerAtMs, loadMs, isReady } = each;
  const { workerMemoryBytes, workerRestarts } = each;
  const window = form.hasWindows ? each.window.snapshot(nowMs) : undefined;
  const isKept = form.isPrimary && each.isLoaded && loadMs !== undefined;
  return {
    model,
    version,
    requests: each.requests.plain(),
    buckets: chosen(bucketNames, (name) => each[name].plain()),
    counters: chosen(counterNames, (name) => each[name]),
    gauges: chosen(gaugeNames, (name) => each[name]),
    known: chosen(knownNames, (name) => each[name]),
    batchItems: each.batches.counts.plain(),
    batchSizes: each.batches.sizes(),
    lastAnswerWallMs:
      lastAnswerAtMs === undefined ? undefined : clock.wallMs() - nowMs + lastAnswerAtMs,
    window: window === undefined || window.count === 0 ? undefined : window.plain(),
    load: isKept ? { loadMs, isReady, workerMemoryBytes, workerRestarts } : undefined,
  };
}

function chosen<Name extends string, Value>(
  names: readonly Name[],
  read: (name: Name) => Value,
): { [name in Name]: Value } {
  return Object.fromEntries(names.map((name) => [name, read(name)])) as { [name in Name]: Value };
}

/** Adds the figures of a front. @param isGone it has ended: its gauges are nothing any more */
export function addFigures(target: ServerMetrics, figures: FrontFigures, isGone: boolean): void {
  for (const each of figures.versions) addVersion(target, each, isGone);
  target.unresolved.addPlain(figures.unresolved);
  for (const [name, count] of figures.limitHits) target.limitHits.add(name, count);
  const { http, grpc } = target;
  http.requestBytes.addPlain(figures.requestBytes);
  grpc.messageBytes.addPlain(figures.messageBytes);
  http.jsonOffloaded += figures.counters.jsonOffloaded;
  http.repliesOffloaded += figures.counters.repliesOffloaded;
  http.slowClosed += figures.counters.slowClosed;
  if (isGone) return;
  const { gauges } = figures;
  const connections = http.connections() + gauges.connections;
  const streams = http.streams() + gauges.streams;
  const buffered = http.streamBufferBytes() + gauges.streamBufferBytes;
  const unread = http.unreadBytes() + gauges.unreadBytes;
  const calls = grpc.streams() + gauges.grpcStreams;
  http.connections = () => connections;
  http.streams = () => streams;
  http.streamBufferBytes = () => buffered;
  http.unreadBytes = () => unread;
  grpc.streams = () => calls;
}

function addVersion(metrics: ServerMetrics, figures: VersionFigures, isGone: boolean): void {
  const { clock } = metrics;
  const target = metrics.exactly(figures.model, figures.version);
  target.requests.addPlain(figures.requests);
  for (const name of bucketNames) target[name].addPlain(figures.buckets[name]);
  for (const name of counterNames) target[name] += figures.counters[name];
  target.batches.add(figures.batchItems, figures.batchSizes);
  if (figures.lastAnswerWallMs !== undefined) {
    const atMs = figures.lastAnswerWallMs - clock.wallMs() + clock.nowMs();
    target.lastAnswerAtMs = Math.max(target.lastAnswerAtMs ?? Number.NEGATIVE_INFINITY, atMs);
  }
  const { window, load } = figures;
  if (window !== undefined) target.window.absorb(Histogram.fromPlain(window), clock.nowMs());
  if (isGone) return;
  for (const name of gaugeNames) target[name] += figures.gauges[name];
  for (const name of knownNames) target[name] = Math.max(target[name], figures.known[name]);
  if (load === undefined) return;
  target.loaded(load.loadMs, {
    isReady: () => load.isReady,
    workerMemoryBytes: () => load.workerMemoryBytes,
    workerRestarts: () => load.workerRestarts,
  });
}
