/**
 * All counters of the server, by model and version.
 *
 * A version's counters live on when it is unloaded (a counter must not go back), so their number is
 * bounded here: past `metricModelsMax` a new version counts as `other`, and the limit is hit.
 */
import type { Clock, Limits } from "../base/index.ts";
import { BucketCounts, bucketBounds } from "./bucket-counts.ts";
import { LimitHits } from "./limit-hits.ts";
import { ModelMetrics } from "./model-metrics.ts";
import { RequestCounts } from "./request-counts.ts";

/** byte: 256 B to 64 MiB by fours. */
const byteBounds = bucketBounds([256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576]);

export interface ServerMetricsOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  /** Version of Millrace, for the build metric. */
  readonly build: string;
}

/** What the HTTP door counts beside its requests. */
export interface HttpCounts {
  readonly requestBytes: BucketCounts;
  /** JSON bodies that were parsed off the loop. */
  jsonOffloaded: number;
  /** JSON replies that were written off the loop. */
  repliesOffloaded: number;
  /** Connections closed because headers or a body came too slowly. */
  slowClosed: number;
  /** Open connections; asked at scrape time. */
  connections: () => number;
  /** Open streams; asked at scrape time. */
  streams: () => number;
  /** Bytes that open streams hold for readers who have not taken them; asked at scrape time. */
  streamBufferBytes: () => number;
  /** Bytes of replies that wait for their readers; asked at scrape time. */
  unreadBytes: () => number;
}

/** What the gRPC door counts beside its requests. */
export interface GrpcCounts {
  /** Of each message that came, inflated. */
  readonly messageBytes: BucketCounts;
  /** Open HTTP/2 streams, a call each; asked at scrape time. */
  streams: () => number;
}

/** The fronts whose figures were added up. */
export interface FrontsSeen {
  /** Those that gave their figures now. */
  readonly answered: number;
  /** Those that did not: what they last told is counted, or they are being started again. */
  readonly missing: number;
}

export class ServerMetrics {
  readonly limitHits: LimitHits;
  readonly build: string;
  readonly clock: Clock;
  /** Requests that ended before a version was known: no route, no model, unreadable. */
  readonly unresolved = new RequestCounts();
  readonly http: HttpCounts = {
    requestBytes: new BucketCounts(byteBounds),
    jsonOffloaded: 0,
    repliesOffloaded: 0,
    slowClosed: 0,
    connections: () => 0,
    streams: () => 0,
    streamBufferBytes: () => 0,
    unreadBytes: () => 0,
  };
  /** How many fronts there are; `undefined` with one. */
  fronts: FrontsSeen | undefined;
  readonly grpc: GrpcCounts = { messageBytes: new BucketCounts(byteBounds), streams: () => 0 };
  /** At most `metricModelsMax` entries and one for the rest. */
  readonly #versions = new Map<string, ModelMetrics>();
  readonly #modelsMax: number;

  constructor(options: ServerMetricsOptions) {
    this.limitHits = new LimitHits(options.limits);
    this.build = options.build;
    this.clock = options.clock;
    this.#modelsMax = options.limits.metricModelsMax;
  }

  /** The counters of a version, made when it has none; those of `other` when there are too many. */
  of(model: string, version: string): ModelMetrics {
    const known = this.#find(model, version);
    if (known !== undefined) return known;
    if (this.#versions.size >= this.#modelsMax) {
      this.limitHits.add("metricModelsMax");
      return this.#find("other", "other") ?? this.#add("other", "other");
    }
    return this.#add(model, version);
  }

  /** Those of exactly that version; for sums of figures whose number was bounded before. */
  exactly(model: string, version: string): ModelMetrics {
    return this.#find(model, version) ?? this.#add(model, version);
  }

  /** The counters of a version that was counted before. */
  find(model: string, version: string): ModelMetrics | undefined {
    return this.#find(model, version);
  }

  /** Every version that was ever counted, in the order of their making. */
  all(): readonly ModelMetrics[] {
    return [...this.#versions.values()];
  }

  #find(model: string, version: string): ModelMetrics | undefined {
    return this.#versions.get(`${model}\n${version}`);
  }

  #add(model: string, version: string): ModelMetrics {
    const made = new ModelMetrics({ model, version }, this.limitHits);
    this.#versions.set(`${model}\n${version}`, made);
    return made;
  }
}
