/** Floor 4: counters, histograms, the metrics page and the log. */
export { BucketCounts, bucketBounds } from "./bucket-counts.ts";
export {
  causeText,
  createLog,
  type Log,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type LogOptions,
  logLevels,
} from "./log.ts";
export { escapeControls } from "./log-line.ts";
export { type FinishedRequest, type ModelGauges, ModelMetrics } from "./model-metrics.ts";
export { type MetricFormat, metricContentTypes } from "./page/metric-writer.ts";
export {
  type LatencyFigures,
  type ModelFigures,
  modelFigures,
  serverFigures,
} from "./page/metrics-json.ts";
export { metricsPage } from "./page/metrics-page.ts";
export { ProcessUsage } from "./process-usage.ts";
export { RepeatGate } from "./repeat-gate.ts";
export { type Door, doors, modelFaults, type Outcome } from "./request-counts.ts";
export { type FrontsSeen, ServerMetrics, type ServerMetricsOptions } from "./server-metrics.ts";
export {
  addFigures,
  type FrontFigures,
  FrontLedger,
  figuresOf,
  type UsageFigures,
} from "./whole/index.ts";
