/**
 * The metrics as JSON, for people and small scripts: live percentiles of the last minute.
 *
 * All in ms unless the name says otherwise. Percentiles come from the sliding window; counts, means
 * and sums of a version from its whole life.
 */
import { Histogram } from "../../base/index.ts";
import type { ModelMetrics } from "../model-metrics.ts";
import type { ServerMetrics } from "../server-metrics.ts";

/** Latency of the last minute, ms. */
export interface LatencyFigures {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
  readonly max: number;
}

/** What `GET /models/M/metrics` answers under `metrics`. */
export interface ModelFigures extends LatencyFigures {
  readonly model_name: string;
  readonly version: string;
  readonly is_loaded: boolean;
  /** s */
  readonly load_time: number;
  /** Items. */
  readonly inference_count: number;
  readonly average_latency_ms: number;
  /** Time inside the engine, s. */
  readonly total_inference_time: number;
}

/** Latency over all models; `{}` before any request was answered. */
export function serverFigures(metrics: ServerMetrics): LatencyFigures | Record<string, never> {
  const nowMs = metrics.clock.nowMs();
  const whole = new Histogram();
  let answered = 0;
  for (const each of metrics.all()) {
    each.window.mergeInto(whole, nowMs);
    answered += each.total.count;
  }
  return answered === 0 ? {} : latencyFigures(whole);
}

/** The figures of one version at `nowMs` of the server's clock. */
export function modelFigures(version: ModelMetrics, nowMs: number): ModelFigures {
  const count = version.total.count;
  return {
    model_name: version.model,
    version: version.version,
    is_loaded: version.isLoaded,
    load_time: round((version.loadMs ?? 0) / 1000),
    inference_count: version.items,
    average_latency_ms: count === 0 ? 0 : round(version.total.sum / count),
    total_inference_time: round(version.runMs / 1000),
    ...latencyFigures(version.window.snapshot(nowMs)),
  };
}

function latencyFigures(latency: Histogram): LatencyFigures {
  return {
    p50: round(latency.percentile(0.5)),
    p95: round(latency.percentile(0.95)),
    p99: round(latency.percentile(0.99)),
    mean: round(latency.mean),
    max: round(latency.max),
  };
}

/** To the microsecond: more digits would be noise. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
