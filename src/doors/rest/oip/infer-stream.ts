/**
 * `POST /v2/models/M[/versions/V]/infer_stream`: a reply of one item for each item of the request,
 * as server-sent events, in order.
 *
 * Items run in slices while the reader has room, as the rows of `/predict/stream` do, and one that
 * the model refuses fails alone. Replies are JSON: there are no raw bytes between events.
 */
import { ServingError } from "../../../base/index.ts";
import {
  type FormedInference,
  formInference,
  type ReadInference,
  streamRows,
} from "../../../service/index.ts";
import {
  type OipRequest,
  ownTensor,
  sliceItems,
  type Tensor,
  writeOipReply,
} from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn } from "../http/exchange-work.ts";
import { isRowsOwn } from "../simple/batch/run-rows.ts";
import { TextSink } from "../streams/text-sink.ts";
import type { InferRoute } from "./asked.ts";
import { splitBody } from "./body.ts";
import { readInference } from "./infer.ts";
import { replyOf } from "./reply.ts";

/** The end of one item: its outputs lie at `place` of those of its slice, or it failed. */
interface ItemEnd {
  readonly index: number;
  readonly outputs: readonly Tensor[] | undefined;
  readonly place: number;
  readonly error: ServingError | undefined;
}

/** Answers with an event for each item. */
export async function inferStream(route: InferRoute, exchange: Exchange): Promise<void> {
  const { service } = route;
  const open = service.streams.enter();
  try {
    const served = service.find(exchange.parameters[0] ?? "", exchange.parameters[1]);
    beginOn(exchange, served);
    const body = splitBody(exchange, service.limits);
    const read = await readInference(route, exchange, { served, body });
    const formed = formInference(service, exchange, read);
    refuseBinary(read.request);
    const lines = "cache-control: no-store\r\n";
    const response = exchange.beginStream({ contentType: "text/event-stream", lines });
    if (response === undefined) return;
    open.unreadBytes = () => response.writableLength;
    const sink = new TextSink<ItemEnd>(response, {
      of: (end) => itemText(read, formed, end),
    });
    try {
      await sendItems(route, exchange, { read, formed, sink });
      exchange.endStream("OK");
    } catch (thrown) {
      const error = ServingError.from(thrown);
      if (!response.destroyed) sink.send(event({ error: error.message, code: error.code }));
      exchange.endStream(error.code, error);
    } finally {
      response.end();
    }
  } finally {
    open.leave();
  }
}

function refuseBinary({ outputs, isBinaryDefault }: OipRequest): void {
  const isRefused = outputs.some(({ isBinary }) => isBinary ?? isBinaryDefault);
  if (!isRefused && !(isBinaryDefault && outputs.length === 0)) return;
  const message =
    "binary_data: infer_stream answers JSON; ask infer or a WebSocket for raw tensors";
  throw new ServingError("INVALID_REQUEST", message, { field: "binary_data" });
}

interface Sending {
  readonly read: ReadInference;
  readonly formed: FormedInference;
  readonly sink: TextSink<ItemEnd>;
}

async function sendItems(
  { service }: InferRoute,
  exchange: Exchange,
  { read, formed, sink }: Sending,
): Promise<void> {
  const { served } = read;
  const { wanted, inputs } = formed;
  const isBatchable = served.signature.layout.kind !== "none";
  const infer = async (from: number, to: number): Promise<ItemEnd[]> => {
    const part = (tensor: Tensor | undefined): Tensor | undefined =>
      tensor === undefined || !isBatchable ? tensor : sliceItems(tensor, from, to);
    const request = { items: to - from, outputs: wanted, parameters: undefined };
    try {
      const slice = { ...request, inputs: inputs.map(part) };
      const { outputs } = await service.infer(served, slice, exchange);
      // They wait for their reader: without the frame of the whole batch that they came in.
      return ends(from, to, { outputs: outputs.map(ownTensor), error: undefined });
    } catch (thrown) {
      const error = ServingError.from(thrown);
      if (to - from === 1 || !isRowsOwn(error))
        return ends(from, to, { outputs: undefined, error });
      const alone = Array.from({ length: to - from }, (_, at) => infer(from + at, from + at + 1));
      return (await Promise.all(alone)).flat();
    }
  };
  await streamRows({
    ...{ clock: service.clock, cancellation: exchange.cancellation, sink, isOrdered: true },
    unreadBytesMax: service.limits.streamBufferBytesMax,
    ...{ from: 0, to: formed.items },
    run: async (from, to) => {
      const result = await infer(from, to);
      return { result, bytes: outputBytes(result) };
    },
  });
}

function ends(from: number, to: number, end: Pick<ItemEnd, "outputs" | "error">): ItemEnd[] {
  return Array.from({ length: to - from }, (_, place) => ({ index: from + place, place, ...end }));
}

/** Bytes of a slice's outputs, nearly: those of its items that ran together. */
function outputBytes(items: readonly ItemEnd[]): number {
  let bytes = 0;
  for (const { outputs, place } of items) {
    if (place > 0 || outputs === undefined) continue;
    for (const { elements } of outputs) bytes += elements.length * elementBytes;
  }
  return bytes;
}

/** An element of the widest dtype; a text is longer and costs more in any case. */
const elementBytes = 8;

function itemText(read: ReadInference, { wanted }: FormedInference, end: ItemEnd): string {
  const { index, outputs, place, error } = end;
  const { served, request } = read;
  if (outputs === undefined) return event({ index, error: error?.message, code: error?.code });
  const hasItems = served.signature.layout.kind !== "none";
  try {
    const own = outputs.map((each) => (hasItems ? sliceItems(each, place, place + 1) : each));
    const reply = replyOf({ served, request, inferred: { wanted, outputs: own } });
    return `data: ${writeOipReply(reply).text}\n\n`;
  } catch (thrown) {
    const { message, code } = ServingError.from(thrown);
    return event({ index, error: message, code });
  }
}

function event(json: Readonly<Record<string, unknown>>): string {
  return `data: ${JSON.stringify(json)}\n\n`;
}
