/**
 * `POST /predict/stream` and `GET /predict/stream/{id}`: rows as they complete, and how a reader
 * who was cut off goes on.
 *
 * Lines (NDJSON) come as their slices complete; events (SSE) come in order, so the id of the last
 * one that a reader saw says where to go on. Either way a reader that is slower than the model
 * pauses it, and one that leaves cancels what has not run; going on runs the rest again.
 */
import { quote, ServingError } from "../../../base/index.ts";
import {
  type KeptStream,
  type KeptStreams,
  type OpenStream,
  type Service,
  streamRows,
} from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn, checkJsonType } from "../http/exchange-work.ts";
import type { ReadBody } from "../simple/read-body.ts";
import { formatFor, type RowFormat, serverSentEvents } from "./row-format.ts";
import { RowWriter } from "./row-writer.ts";
import {
  answerBytes,
  rowsOf,
  runListed,
  type StreamSource,
  sourceBytes,
  streamSource,
} from "./stream-source.ts";

export interface StreamRoute {
  readonly service: Service;
  readonly readBody: ReadBody;
  readonly kept: KeptStreams<StreamSource>;
}

/** Answers with a row each, from the first. */
export async function streamPredict(route: StreamRoute, exchange: Exchange): Promise<void> {
  checkJsonType(exchange.headers.contentType);
  const { service, kept } = route;
  // Before the body is read, or all that wait for theirs would pass the limit together.
  const open = service.streams.enter();
  try {
    const { served, decoded } = await route.readBody(exchange, { isTolerant: true });
    const source = streamSource(served, decoded);
    const format = formatFor(exchange.headers.accept);
    const isKept = format.isOrdered;
    const stream = isKept ? kept.keep(source, sourceBytes(source)) : undefined;
    await sendRows(route, exchange, { source, stream, open, format, from: 0 });
  } finally {
    open.leave();
  }
}

/** Goes on behind the event that the caller saw last; without one, from the start. */
export async function resumeStream(route: StreamRoute, exchange: Exchange): Promise<void> {
  const { service, kept } = route;
  const id = exchange.parameters[0] ?? "";
  const stream = kept.find(id);
  const from = lastEventId(exchange) + 1;
  // Asks whether there is something to go on with: nothing runs, and no reader is cut off for it.
  const isHead = exchange.request.method === "HEAD";
  if (stream === undefined || from > stream.source.total) {
    if (!isHead) kept.forget(id);
    const keptS = service.limits.streamKeptMsMax / 1_000;
    const message = `no stream ${quote(id)}: wholly read, or without a reader for ${keptS} s`;
    throw new ServingError("NOT_FOUND", message);
  }
  const { source } = stream;
  if (isHead) {
    exchange.beginStream(streamHead(serverSentEvents, stream))?.end();
    exchange.endStream("OK");
    return;
  }
  const open = service.streams.enter();
  try {
    beginOn(exchange, source.served);
    await sendRows(route, exchange, { source, stream, open, format: serverSentEvents, from });
  } finally {
    open.leave();
  }
}

/** The index in the header `Last-Event-ID`, or -1. @throws INVALID_REQUEST when it is none */
function lastEventId({ request }: Exchange): number {
  const { rawHeaders } = request;
  const at = rawHeaders.findIndex(
    (name, place) => place % 2 === 0 && name.toLowerCase() === "last-event-id",
  );
  const text = at === -1 ? "" : (rawHeaders[at + 1] ?? "");
  if (text === "") return -1;
  const index = Number(text);
  if (Number.isSafeInteger(index) && index >= 0) return index;
  const message = "header 'last-event-id': expected the id of an event, a whole number >= 0";
  throw new ServingError("INVALID_REQUEST", message, { field: "last-event-id" });
}

interface Sending {
  readonly source: StreamSource;
  readonly stream: KeptStream<StreamSource> | undefined;
  readonly open: OpenStream;
  readonly format: RowFormat;
  /** Index of the first row to send. */
  readonly from: number;
}

function streamHead(
  { contentType, isOrdered }: RowFormat,
  stream: KeptStream<StreamSource> | undefined,
): { contentType: string; lines: string } {
  const id = stream === undefined ? "" : `x-stream-id: ${stream.id}\r\n`;
  return { contentType, lines: isOrdered ? `${id}cache-control: no-store\r\n` : "" };
}

async function sendRows(
  { service }: StreamRoute,
  exchange: Exchange,
  { source, stream, open, format, from }: Sending,
): Promise<void> {
  const { clock, limits } = service;
  exchange.items = source.total - from;
  exchange.times.decodedAtMs = clock.nowMs();
  const response = exchange.beginStream(streamHead(format, stream));
  if (response === undefined) return;
  open.unreadBytes = () => response.writableLength;
  const detach = stream?.attach(() => response.destroy());
  const hasProgress = exchange.query.get("progress") === "1";
  const rows = rowsOf(service, source, exchange);
  const writer = new RowWriter({ response, format, rows, source, clock, done: from, hasProgress });
  try {
    await streamRows({
      ...{ clock, cancellation: exchange.cancellation, sink: writer.sink },
      ...{ isOrdered: format.isOrdered, unreadBytesMax: limits.streamBufferBytesMax },
      ...{ from, to: source.total },
      run: async (first, last) => {
        const result = await runListed(rows, first, last);
        return { result, bytes: answerBytes(result) };
      },
    });
    if (!exchange.cancellation.isCancelled) writer.finish();
    exchange.endStream("OK");
  } catch (thrown) {
    const error = ServingError.from(thrown);
    if (!response.destroyed) writer.fail(error);
    exchange.endStream(error.code, error);
  } finally {
    detach?.();
    response.end();
  }
}
