/**
 * How the rows of a stream look on the wire: lines of JSON, or server-sent events of the same JSON.
 *
 * A format is a few pure functions from JSON text to text. An event's id is the index of its row,
 * that of `done` the number of rows: what a reader names as its last event is where to go on.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

export interface RowFormat {
  readonly contentType: string;
  /** Rows leave in their order, so that the last one seen tells where to go on. */
  readonly isOrdered: boolean;
  /** Written before everything else. */
  readonly opening: string;
  prediction(index: number, json: string): string;
  /** A row that failed alone. */
  fault(index: number, json: string): string;
  progress(json: string): string;
  /** After the last row; `json` counts, `total` is the number of rows. */
  done(total: number, json: string): string;
  /** The stream ended early. */
  fatal(json: string): string;
}

const line = (json: string): string => `${json}\n`;

export const ndjson: RowFormat = {
  contentType: "application/x-ndjson",
  isOrdered: false,
  opening: "",
  prediction: (_, json) => line(json),
  fault: (_, json) => line(json),
  progress: line,
  // The end of the body says it.
  done: () => "",
  fatal: line,
};

/** How long a browser waits before it comes back, ms. */
const retryMs = 1_000;

const event = (name: string, json: string): string => `event: ${name}\ndata: ${json}\n\n`;

export const serverSentEvents: RowFormat = {
  contentType: "text/event-stream",
  isOrdered: true,
  opening: `retry: ${retryMs}\n\n`,
  prediction: (index, json) => `id: ${index}\n${event("prediction", json)}`,
  fault: (index, json) => `id: ${index}\n${event("error", json)}`,
  progress: (json) => event("progress", json),
  done: (total, json) => `id: ${total}\n${event("done", json)}`,
  fatal: (json) => event("error", json),
};

/** The format that an `Accept` header asks for: events when it names them, else lines. */
export function formatFor(accept: string): RowFormat {
  const types = accept.split(",").map((each) => (each.split(";")[0] ?? "").trim().toLowerCase());
  return types.includes("text/event-stream") ? serverSentEvents : ndjson;
}
