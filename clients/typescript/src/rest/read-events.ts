/**
 * Reads a stream of events to its end, over as many connections as that takes.
 *
 * A connection that breaks is made again behind the last event that came: the server kept the
 * rows and runs those that are left (`GET /predict/stream/{id}`). How often is bounded: only so
 * many in a row may end without a row. Rows come in their order, so none is given twice.
 *
 *   open --event--> open; --broken--> resumed (a row since, or attempts are left) | failed
 */
import { MillraceError } from "../millrace-error.ts";
import { nextEvent, type ServerEvent } from "./event-reader.ts";
import { connectionError } from "./http-sender.ts";
import { LineReader } from "./line-reader.ts";
import type { OpenStream } from "./read-stream.ts";
import { readStreamLine, type StreamItem, type StreamProgress } from "./stream.ts";

export interface ResumableStream extends OpenStream {
  /** Connections in a row that may end without a row, 1 or more. */
  readonly attemptsMax: number;
  /** Opens the stream `id` behind the event `last`; "" for its start. */
  resume(id: string, last: string): Promise<Response>;
}

type OnProgress = ((progress: StreamProgress) => void) | undefined;

/** How far the stream has come. */
interface Place {
  readonly requestId: string;
  /** Id of the last row; "" before the first. */
  last: string;
  /** Connections in a row that ended without one. */
  fruitless: number;
}

/** @throws MillraceError */
export async function* readEvents<P>(
  stream: ResumableStream,
  onProgress: OnProgress,
): AsyncGenerator<StreamItem<P>, void, void> {
  const { headers } = stream.response;
  const id = headers.get("x-stream-id") ?? "";
  const place: Place = { requestId: headers.get("x-request-id") ?? "", last: "", fruitless: 0 };
  let { response } = stream;
  for (;;) {
    const connection = new EventConnection(response, stream);
    const broken = yield* readRows<P>(connection, place, onProgress);
    if (broken === undefined) return;
    place.fruitless += 1;
    // Without an id the rows were too many to be kept.
    if (id === "" || place.fruitless > stream.attemptsMax) throw broken;
    response = await stream.resume(id, place.last);
  }
}

/** The rows of one connection, then what broke it; `undefined` when the stream is done. */
async function* readRows<P>(
  connection: EventConnection,
  place: Place,
  onProgress: OnProgress,
): AsyncGenerator<StreamItem<P>, MillraceError | undefined, void> {
  try {
    for (;;) {
      const event = await connection.next();
      if (event instanceof MillraceError) return event;
      if (event.kind === "done") return undefined;
      const read = readStreamLine<P>(event.data, place.requestId);
      if (read.kind === "progress") onProgress?.(read.progress);
      else {
        place.fruitless = 0;
        place.last = event.id;
        yield read.item;
      }
    }
  } finally {
    await connection.close();
  }
}

/** The events of one response. */
class EventConnection {
  readonly #lines: LineReader | undefined;
  readonly #stream: OpenStream;
  readonly #stop: () => void;

  constructor({ body }: Response, stream: OpenStream) {
    this.#stream = stream;
    this.#lines = body === null ? undefined : new LineReader(body);
    const { signal } = stream.deadline;
    // The signal ends a read that waits; `check` then throws what ended it.
    this.#stop = () => void this.#lines?.cancel(signal.reason);
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  /** The next event, or the error of a connection that broke. @throws the deadline's error */
  async next(): Promise<ServerEvent | MillraceError> {
    const { deadline, url } = this.#stream;
    const lines = this.#lines;
    deadline.check();
    try {
      const event = lines === undefined ? undefined : await nextEvent(() => lines.next());
      deadline.check();
      return event ?? new MillraceError("CONNECTION_FAILED", "the stream ended before its end");
    } catch (thrown) {
      const error = connectionError(thrown, deadline.signal, url);
      if (MillraceError.is(error) && error.code === "CONNECTION_FAILED") return error;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#stream.deadline.signal.removeEventListener("abort", this.#stop);
    await this.#lines?.cancel(undefined);
  }
}
