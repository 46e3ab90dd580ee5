/**
 * What is counted about one version of one model.
 *
 * Called once per request on the hottest path, so recording is increments and bucket arithmetic on
 * fields of this object: no label, no map, no allocation. Labels are put on when somebody scrapes.
 * Latency figures take answered requests and the server's own failures; a caller's mistake (4xx) is
 * counted but not timed, or a flood of bad bodies would make the model look fast.
 * Invariant: `inFlight` is 0 when nothing is under way (each `requestBegan` has one end).
 */
import { errorTable, HistogramWindow, type LimitName } from "../base/index.ts";
import type { BatchFigures, BatchingObserver, EarlyEnd, StageTimes } from "../predict/index.ts";
import { BatchSizes } from "./batch-sizes.ts";
import { type BucketBounds, BucketCounts, bucketBounds } from "./bucket-counts.ts";
import type { LimitHits } from "./limit-hits.ts";
import { type Door, modelFaults, type Outcome, RequestCounts } from "./request-counts.ts";

/** ms: 100 us to 10 s for what happens inside a request. */
export const stageBounds: BucketBounds = bucketBounds([
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000,
]);

/** ms: the buckets of `prediction_latency_seconds`, which others' dashboards know. */
const compatibleBounds: BucketBounds = bucketBounds([10, 25, 50, 100, 250, 500, 1_000]);

/** A request that has ended. Instants are of one monotonic clock, ms. */
export interface FinishedRequest {
  readonly door: Door;
  readonly outcome: Outcome;
  /** Items asked for, >= 0. */
  readonly items: number;
  readonly times: StageTimes;
  readonly endedAtMs: number;
}

/** What is asked at scrape time rather than counted. */
export interface ModelGauges {
  isReady(): boolean;
  /** Resident memory of the workers, byte. */
  workerMemoryBytes(): number;
  /** Workers started again after a death, so far. */
  workerRestarts(): number;
}

export class ModelMetrics implements BatchingObserver {
  readonly model: string;
  readonly version: string;
  readonly requests = new RequestCounts();
  readonly decode = new BucketCounts(stageBounds);
  readonly queue = new BucketCounts(stageBounds);
  readonly inference = new BucketCounts(stageBounds);
  readonly encode = new BucketCounts(stageBounds);
  readonly total = new BucketCounts(stageBounds);
  readonly compatible = new BucketCounts(compatibleBounds);
  readonly batchRoundTrip = new BucketCounts(stageBounds);
  /** Total time of the last minute's requests, ms. */
  readonly window = new HistogramWindow();
  readonly batches = new BatchSizes();
  inFlight = 0;
  /** Items answered. */
  items = 0;
  /** Results since the last answer that were `modelFaults`; other refusals are passed over. */
  failuresInRow = 0;
  queueItems = 0;
  queueBytes = 0;
  /** Batches that failed. */
  batchFailures = 0;
  retriedRequests = 0;
  cancelled = 0;
  expired = 0;
  workerDeaths = 0;
  suspects = 0;
  quarantined = 0;
  /** Time inside the engine, ms, of all batches. */
  runMs = 0;
  /** How long the last load took, ms; `undefined` before the first. */
  loadMs: number | undefined;
  /** End of the last answered request on the monotonic clock, ms; `undefined` before it. */
  lastAnswerAtMs: number | undefined;
  readonly #hits: LimitHits;
  #gauges: ModelGauges | undefined;

  constructor(name: { readonly model: string; readonly version: string }, hits: LimitHits) {
    this.model = name.model;
    this.version = name.version;
    this.#hits = hits;
  }

  requestBegan(): void {
    this.inFlight += 1;
  }

  /** A request that began here meant another version. REQUIRES: as `requestDone`, in its place. */
  requestMoved(): void {
    this.inFlight -= 1;
  }

  /** REQUIRES: `requestBegan` was called for it, and this is its only `requestDone`. */
  requestDone(request: FinishedRequest): void {
    const { outcome, times, endedAtMs } = request;
    this.inFlight -= 1;
    this.requests.add(request.door, outcome);
    if (outcome !== "OK" && errorTable[outcome].http < 500) return;
    const totalMs = endedAtMs - times.arrivedAtMs;
    this.total.record(totalMs);
    this.compatible.record(totalMs);
    this.window.record(totalMs, endedAtMs);
    if (outcome !== "OK") {
      if (modelFaults.has(outcome)) this.failuresInRow += 1;
      return;
    }
    this.failuresInRow = 0;
    this.items += request.items;
    this.lastAnswerAtMs = endedAtMs;
    this.decode.record(times.decodedAtMs - times.arrivedAtMs);
    if (times.sentAtMs === 0) return;
    this.queue.record(times.sentAtMs - times.decodedAtMs);
    this.inference.record(times.answeredAtMs - times.sentAtMs);
    this.encode.record(endedAtMs - times.answeredAtMs);
  }

  /** The version is ready after `loadMs`. */
  loaded(loadMs: number, gauges: ModelGauges): void {
    this.loadMs = loadMs;
    this.#gauges = gauges;
  }

  /**
   * What `loaded` was told of with these gauges has left memory; the counters stay. Nothing when
   * its successor was loaded before.
   */
  unloaded(gauges: ModelGauges): void {
    if (this.#gauges !== gauges) return;
    this.#gauges = undefined;
    this.queueItems = 0;
    this.queueBytes = 0;
  }

  get isLoaded(): boolean {
    return this.#gauges !== undefined;
  }

  get isReady(): boolean {
    return this.#gauges?.isReady() ?? false;
  }

  get workerMemoryBytes(): number {
    return this.#gauges?.workerMemoryBytes() ?? 0;
  }

  get workerRestarts(): number {
    return this.#gauges?.workerRestarts() ?? 0;
  }

  batchSent(): void {}

  batchDone(batch: BatchFigures): void {
    this.batchRoundTrip.record(batch.roundTripMs);
    if (!batch.isSuccess) {
      this.batchFailures += 1;
      return;
    }
    this.runMs += batch.runMs;
    this.batches.record(batch.items, batch.runMs);
  }

  queueChanged(items: number, bytes: number): void {
    this.queueItems = items;
    this.queueBytes = bytes;
  }

  limitHit(name: LimitName): void {
    this.#hits.add(name);
  }

  endedEarly(end: EarlyEnd, requests: number): void {
    if (end === "cancelled") this.cancelled += requests;
    else this.expired += requests;
  }

  batchRetried(requests: number): void {
    this.retriedRequests += requests;
  }

  workerDied(): void {
    this.workerDeaths += 1;
  }

  suspectsChanged(suspects: number, quarantined: number): void {
    this.suspects = suspects;
    this.quarantined = quarantined;
  }
}
