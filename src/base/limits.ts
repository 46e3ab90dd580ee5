/**
 * Every limit of the server: name with unit, default, and what is answered when it is hit.
 *
 * One table from which the configuration section `limits`, its reference page and the metric
 * `millrace_limit{name}` are made. A limit that nothing enforces yet is not in the table.
 */
import type { ErrorCode } from "./errors/error-table.ts";

export interface LimitRow {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  /** The code of the refusal, or `undefined` when nothing is refused. */
  readonly code: ErrorCode | undefined;
  readonly meaning: string;
}

const mi = 1024 * 1024;

type Range = readonly [value: number, min: number, max: number];
type Says = readonly [code: ErrorCode | undefined, meaning: string];

function row([value, min, max]: Range, unit: string, [code, meaning]: Says): LimitRow {
  return { default: value, min, max, unit, code, meaning };
}

export const limitTable = {
  jsonBodyBytesMax: row([8 * mi, 1, 1024 * mi], "byte", [
    "PAYLOAD_TOO_LARGE",
    "JSON body, inflated",
  ]),
  jsonInlineBytesMax: row([mi, 0, 1024 * mi], "byte", [
    undefined,
    "larger JSON is parsed off the loop",
  ]),
  binaryBodyBytesMax: row([64 * mi, 1, 2047 * mi], "byte", [
    "PAYLOAD_TOO_LARGE",
    "binary tensor body, inflated",
  ]),
  grpcMessageBytesMax: row([64 * mi, 1, 2047 * mi], "byte", [
    "PAYLOAD_TOO_LARGE",
    "one gRPC message, inflated",
  ]),
  inflateRatioMax: row([100, 1, 10_000], "ratio", ["PAYLOAD_TOO_LARGE", "inflated over sent size"]),
  jsonDepthMax: row([32, 1, 1_000], "level", ["LIMIT_EXCEEDED", "nesting of JSON"]),
  headerBytesMax: row([16 * 1024, 1024, mi], "byte", ["HEADER_TOO_LARGE", "all headers together"]),
  urlBytesMax: row([4 * 1024, 128, 64 * 1024], "byte", ["URI_TOO_LONG", "path and query"]),
  headersReadMsMax: row([10_000, 10, 600_000], "ms", [
    "REQUEST_TIMEOUT",
    "time to send the headers",
  ]),
  bodyReadMsMax: row([30_000, 10, 3_600_000], "ms", ["REQUEST_TIMEOUT", "time to send the body"]),
  bodyBytesPerSecondMin: row([1_024, 0, 1024 * mi], "byte/s", [
    "REQUEST_TIMEOUT",
    "a body that comes slower for 10 s is cut; 0: never",
  ]),
  replyReadMsMax: row([30_000, 10, 3_600_000], "ms", [
    undefined,
    "a reader that takes nothing for so long is cut",
  ]),
  connectionUnreadBytesMax: row([128 * mi, 1024, 2 ** 50], "byte", [
    "REPLIES_UNREAD",
    "replies that wait for the reader of one connection; any one may",
  ]),
  unreadBytesMax: row([1024 * mi, 1024, 2 ** 50], "byte", [
    undefined,
    "replies that wait for all readers; then the connection that lets them wait longest ends",
  ]),
  connectionsMax: row([10_000, 1, 1_000_000], "connection", [undefined, "closed at accept"]),
  wsFrameBytesMax: row([64 * mi, 1, 2047 * mi], "byte", [
    "PAYLOAD_TOO_LARGE",
    "one message of a WebSocket; the socket is closed with 1009",
  ]),
  socketRequestsMax: row([64, 1, 10_000], "request", [
    undefined,
    "under way on one WebSocket; then it is not read",
  ]),
  socketSilentMsMax: row([60_000, 60, 3_600_000], "ms", [
    undefined,
    "a WebSocket that does not even answer pings is cut",
  ]),
  http2StreamsMax: row([100, 1, 100_000], "stream", [
    undefined,
    "open on one HTTP/2 connection; more are refused as HTTP/2 does",
  ]),
  streamsMax: row([1_000, 0, 100_000], "stream", ["OVERLOADED", "open streams"]),
  streamBufferBytesMax: row([mi, 1024, 1024 * mi], "byte", [undefined, "then the producer waits"]),
  streamsKeptMax: row([1_000, 0, 100_000], "stream", [
    undefined,
    "kept to be continued; then the oldest is forgotten",
  ]),
  streamsKeptBytesMax: row([64 * mi, 0, 4096 * mi], "byte", [
    undefined,
    "rows of kept streams; then the oldest is forgotten",
  ]),
  streamKeptMsMax: row([60_000, 0, 3_600_000], "ms", [
    undefined,
    "a stream without a reader is forgotten",
  ]),
  rankMax: row([8, 1, 64], "dimension", ["LIMIT_EXCEEDED", "rank of a tensor"]),
  elementsMax: row([2 ** 26, 1, 2 ** 31], "element", ["LIMIT_EXCEEDED", "elements of a tensor"]),
  inputsMax: row([64, 1, 10_000], "tensor", ["LIMIT_EXCEEDED", "inputs of a request"]),
  outputsMax: row([64, 1, 10_000], "tensor", ["LIMIT_EXCEEDED", "wanted outputs of a request"]),
  requestItemsMax: row([10_000, 1, 10_000_000], "item", ["LIMIT_EXCEEDED", "items of a request"]),
  stringElementBytesMax: row([mi, 1, 1024 * mi], "byte", ["LIMIT_EXCEEDED", "one BYTES element"]),
  deadlineMsDefault: row([60_000, 1, 86_400_000], "ms", ["DEADLINE_EXCEEDED", "when none is sent"]),
  deadlineMsMax: row([300_000, 1, 86_400_000], "ms", [undefined, "longer deadlines are cut"]),
  // Room for 100 of the largest requests; `queueBytesMax` is what bounds the memory.
  queueItemsMax: row([mi, 1, 10_000_000], "item", ["QUEUE_FULL", "waiting per model"]),
  queueBytesMax: row([64 * mi, 1, 4096 * mi], "byte", ["QUEUE_FULL", "waiting per model"]),
  batchWallMsMax: row([30_000, 1, 86_400_000], "ms", ["ENGINE_TIMEOUT", "one run of the engine"]),
  workerMemoryBytesMax: row([4096 * mi, 64 * mi, 2 ** 50], "byte", [
    "WORKER_LOST",
    "resident memory of a worker",
  ]),
  workerDeathsPerInputMax: row([2, 1, 100], "death", ["INPUT_QUARANTINED", "deaths while alone"]),
  workerBackoffMsMax: row([30_000, 100, 600_000], "ms", [
    "MODEL_NOT_READY",
    "pause before a restart",
  ]),
  modelFileBytesMax: row([4096 * mi, 1, 2 ** 50], "byte", ["MODEL_INVALID", "artifact file"]),
  modelNodesMax: row([200_000, 1, 10_000_000], "node", ["MODEL_INVALID", "nodes of a graph"]),
  modelLoadMsMax: row([120_000, 100, 86_400_000], "ms", ["MODEL_LOAD_FAILED", "one load"]),
  modelOperationsMax: row([8, 1, 1_000], "model", ["MODEL_BUSY", "loaded or unloaded at once"]),
  metricModelsMax: row([1_000, 1, 100_000], "label value", [undefined, "then shown as `other`"]),
  drainDelayMs: row([5_000, 0, 600_000], "ms", [undefined, "serving goes on after SIGTERM"]),
  shutdownMsMax: row([25_000, 100, 3_600_000], "ms", ["DRAINING", "longest drain"]),
} as const satisfies Record<string, LimitRow>;

export type LimitName = keyof typeof limitTable;

/** The limits in force: one number a name, in the unit of its row. */
export type Limits = { readonly [name in LimitName]: number };

/** The defaults of the table. */
export const defaultLimits: Limits = Object.freeze(
  Object.fromEntries(Object.entries(limitTable).map(([name, each]) => [name, each.default])),
) as Limits;
