/**
 * The page that `GET /metrics` answers to a scraper: every family, in a fixed order.
 *
 * Each family is listed once with all its versions, as the format demands, so the page is written
 * family by family, not model by model. Names are `millrace_<noun>_<unit>[_total]`; the three
 * families without the prefix are those that dashboards of hand-written servers already read.
 */
import { limitNames } from "../limit-hits.ts";
import type { ModelMetrics } from "../model-metrics.ts";
import type { ProcessUsage } from "../process-usage.ts";
import { doors, outcomes, type RequestCounts } from "../request-counts.ts";
import type { ServerMetrics } from "../server-metrics.ts";
import { labelText, type MetricFormat, type MetricType, MetricWriter } from "./metric-writer.ts";

/** What is asked of the processes that answer the network. */
type Usage = Omit<ProcessUsage, "close">;

/** The page as text; its content type is `metricContentTypes[format]`. */
export function metricsPage(metrics: ServerMetrics, usage: Usage, format: MetricFormat): string {
  const writer = new MetricWriter(format);
  const versions = metrics.all();
  writeCompatible(writer, versions);
  writeRequests(writer, metrics, versions);
  writeStages(writer, versions);
  writeBatches(writer, versions);
  writeGauges(writer, versions);
  writeLimits(writer, metrics);
  writeHttp(writer, metrics);
  writeGrpc(writer, metrics);
  writeProcess(writer, metrics, usage);
  writeFronts(writer, metrics);
  return writer.text();
}

function labelsOf(version: ModelMetrics): string {
  return labelText({ model: version.model, version: version.version });
}

function compatibleLabels(version: ModelMetrics): string {
  return labelText({ model: version.model, model_version: version.version });
}

function writeCompatible(writer: MetricWriter, versions: readonly ModelMetrics[]): void {
  writer.family("prediction_total", "counter", "Requests answered or failed.");
  for (const each of versions) {
    const labels = compatibleLabels(each);
    writer.sample(`${labels},status="success"`, each.requests.successes);
    writer.sample(`${labels},status="error"`, each.requests.errors);
  }
  const latency = "From arrival to the written answer; refused requests (4xx) are left out.";
  writer.family("prediction_latency_seconds", "histogram", latency);
  for (const each of versions) writer.histogram(compatibleLabels(each), each.compatible, 0.001);
  writer.family("model_load_time_seconds", "gauge", "From registered to ready, of the last load.");
  for (const each of versions) {
    if (each.loadMs !== undefined) writer.sample(compatibleLabels(each), each.loadMs / 1000);
  }
}

function writeRequests(
  writer: MetricWriter,
  metrics: ServerMetrics,
  versions: readonly ModelMetrics[],
): void {
  const help = "Requests by how they ended; without model: ended before one was known.";
  writer.family("millrace_requests_total", "counter", help);
  writeOutcomes(writer, labelText({ model: "", version: "" }), metrics.unresolved);
  for (const each of versions) writeOutcomes(writer, labelsOf(each), each.requests);
  writeEach(writer, versions, {
    name: "millrace_items_total",
    type: "counter",
    help: "Items answered.",
    read: (version) => version.items,
  });
  writer.family("millrace_early_ends_total", "counter", "Requests that ended before their answer.");
  for (const each of versions) {
    writer.sample(`${labelsOf(each)},end="cancelled"`, each.cancelled);
    writer.sample(`${labelsOf(each)},end="expired"`, each.expired);
  }
}

/** Outcomes that never happened are left out: there are thirty a door. */
function writeOutcomes(writer: MetricWriter, labels: string, counts: RequestCounts): void {
  for (const door of doors) {
    for (const code of outcomes) {
      const count = counts.at(door, code);
      if (count > 0) writer.sample(`${labels},${labelText({ door, code })}`, count);
    }
  }
}

function writeStages(writer: MetricWriter, versions: readonly ModelMetrics[]): void {
  const help = "Where the time of a request went; inference is the round trip to the worker.";
  writer.family("millrace_stage_seconds", "histogram", help);
  for (const each of versions) {
    const labels = labelsOf(each);
    writer.histogram(`${labels},stage="decode"`, each.decode, 0.001);
    writer.histogram(`${labels},stage="queue"`, each.queue, 0.001);
    writer.histogram(`${labels},stage="inference"`, each.inference, 0.001);
    writer.histogram(`${labels},stage="encode"`, each.encode, 0.001);
    writer.histogram(`${labels},stage="total"`, each.total, 0.001);
  }
}

function writeBatches(writer: MetricWriter, versions: readonly ModelMetrics[]): void {
  writer.family("millrace_batches_total", "counter", "Batches that came back or failed.");
  for (const each of versions) {
    writer.sample(`${labelsOf(each)},status="success"`, each.batches.counts.count);
    writer.sample(`${labelsOf(each)},status="error"`, each.batchFailures);
  }
  writer.family("millrace_batch_items", "histogram", "Items of a batch that came back.");
  for (const each of versions) writer.histogram(labelsOf(each), each.batches.counts, 1);
  writer.family("millrace_batch_seconds", "histogram", "From sending a batch to its answer.");
  for (const each of versions) writer.histogram(labelsOf(each), each.batchRoundTrip, 0.001);
  writeEach(writer, versions, {
    name: "millrace_engine_seconds_total",
    type: "counter",
    help: "Time inside the engine.",
    read: (version) => version.runMs / 1000,
  });
  writeEach(writer, versions, {
    name: "millrace_batch_retries_total",
    type: "counter",
    help: "Requests run again in smaller batches to find the one at fault.",
    read: (version) => version.retriedRequests,
  });
}

interface Family {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly read: (version: ModelMetrics) => number;
}

/** Families with one number a version, in the order of the page. */
const gaugeFamilies: readonly Family[] = [
  {
    name: "millrace_model_ready",
    type: "gauge",
    help: "1 when at least one instance would run a batch and its sample is not known to fail.",
    read: (version) => (version.isReady ? 1 : 0),
  },
  {
    name: "millrace_in_flight_requests",
    type: "gauge",
    help: "Requests under way.",
    read: (version) => version.inFlight,
  },
  {
    name: "millrace_queue_items",
    type: "gauge",
    help: "Items that wait for a batch.",
    read: (version) => version.queueItems,
  },
  {
    name: "millrace_queue_bytes",
    type: "gauge",
    help: "Bytes of the items that wait.",
    read: (version) => version.queueBytes,
  },
  {
    name: "millrace_worker_rss_bytes",
    type: "gauge",
    help: "Resident memory of the version's workers.",
    read: (version) => version.workerMemoryBytes,
  },
  {
    name: "millrace_worker_deaths_total",
    type: "counter",
    help: "Batches that a worker did not survive.",
    read: (version) => version.workerDeaths,
  },
  {
    name: "millrace_worker_restarts_total",
    type: "counter",
    help: "Workers started again after a death.",
    read: (version) => version.workerRestarts,
  },
  {
    name: "millrace_suspect_inputs",
    type: "gauge",
    help: "Inputs that run alone, because their batch killed a worker.",
    read: (version) => version.suspects,
  },
  {
    name: "millrace_quarantined_inputs",
    type: "gauge",
    help: "Inputs that are refused, because they killed workers while alone.",
    read: (version) => version.quarantined,
  },
];

function writeGauges(writer: MetricWriter, versions: readonly ModelMetrics[]): void {
  for (const family of gaugeFamilies) writeEach(writer, versions, family);
}

function writeEach(writer: MetricWriter, versions: readonly ModelMetrics[], family: Family): void {
  writer.family(family.name, family.type, family.help);
  for (const each of versions) writer.sample(labelsOf(each), family.read(each));
}

function writeLimits(writer: MetricWriter, { limitHits }: ServerMetrics): void {
  writer.family("millrace_limit", "gauge", "The limits in force; the unit is in the name.");
  for (const name of limitNames) writer.sample(labelText({ name }), limitHits.limits[name]);
  writer.family("millrace_limit_hits_total", "counter", "How often each limit was hit.");
  for (const name of limitNames) writer.sample(labelText({ name }), limitHits.count(name));
}

function writeHttp(writer: MetricWriter, { http }: ServerMetrics): void {
  writer.family("millrace_http_request_bytes", "histogram", "Size of request bodies, inflated.");
  writer.histogram("", http.requestBytes, 1);
  writer.family("millrace_json_offloaded_total", "counter", "JSON bodies parsed off the loop.");
  writer.sample("", http.jsonOffloaded);
  const replies = "JSON replies written off the loop.";
  writer.family("millrace_replies_offloaded_total", "counter", replies);
  writer.sample("", http.repliesOffloaded);
  const slow = "Connections closed because headers or body came too slowly.";
  writer.family("millrace_http_slow_closed_total", "counter", slow).sample("", http.slowClosed);
  writer.family("millrace_connections", "gauge", "Open connections.");
  writer.sample("", http.connections());
  writer.family("millrace_streams", "gauge", "Open streams.").sample("", http.streams());
  const unread = "Bytes that open streams hold for readers who have not taken them.";
  writer.family("millrace_stream_buffer_bytes", "gauge", unread);
  writer.sample("", http.streamBufferBytes());
  const waiting = "Bytes of replies that wait for their readers, in all doors.";
  writer.family("millrace_unread_bytes", "gauge", waiting).sample("", http.unreadBytes());
}

function writeGrpc(writer: MetricWriter, { grpc }: ServerMetrics): void {
  const size = "Size of the messages that came over gRPC, inflated.";
  writer.family("millrace_grpc_message_bytes", "histogram", size);
  writer.histogram("", grpc.messageBytes, 1);
  const streams = "Open HTTP/2 streams of the gRPC door: a call each.";
  writer.family("millrace_grpc_streams", "gauge", streams).sample("", grpc.streams());
}

function writeProcess(writer: MetricWriter, metrics: ServerMetrics, usage: Usage): void {
  const seconds = usage.cpuSeconds();
  writer.family("process_cpu_seconds_total", "counter", "CPU time of the fronts.");
  writer.sample("", seconds);
  writer.family("process_resident_memory_bytes", "gauge", "Resident memory of the fronts.");
  writer.sample("", usage.residentBytes());
  writer.family("process_start_time_seconds", "gauge", "Start of the server, Unix time.");
  writer.sample("", usage.startedAtS);
  const heap = "Bytes in use on the JavaScript heap.";
  writer.family("millrace_heap_used_bytes", "gauge", heap).sample("", usage.heapUsedBytes());
  const delay = usage.loopDelay();
  const help = "How late the event loop came back, since the last scrape.";
  writer.family("millrace_event_loop_delay_seconds", "gauge", help);
  writer.sample('at="p50"', delay.p50S);
  writer.sample('at="p99"', delay.p99S);
  writer.sample('at="max"', delay.maxS);
  writer.family("millrace_build_info", "gauge", "Always 1; the labels say what runs.");
  writer.sample(labelText({ version: metrics.build, node: process.versions.node }), 1);
}

/** With several fronts the page is that of all, and says whether any of them was not heard. */
function writeFronts(writer: MetricWriter, { fronts }: ServerMetrics): void {
  if (fronts === undefined) return;
  const help = "Front processes; missing: not heard in time, so its last known counts stand here.";
  writer.family("millrace_fronts", "gauge", help);
  writer.sample('state="answered"', fronts.answered);
  writer.sample('state="missing"', fronts.missing);
}
