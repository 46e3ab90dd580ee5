/**
 * Reads a stream to its end and makes sure that it ended well.
 *
 * A stream that stops before every row has its line is a broken connection, whatever the runtime
 * says about its body. Leaving the loop early cancels the body, and the server drops the rest.
 */
import type { Deadline } from "../call/deadline.ts";
import { MillraceError } from "../millrace-error.ts";
import { connectionError } from "./http-sender.ts";
import { LineReader } from "./line-reader.ts";
import { readStreamLine, type StreamItem, type StreamProgress } from "./stream.ts";

export interface OpenStream {
  readonly response: Response;
  readonly deadline: Deadline;
  /** Rows that were asked for. */
  readonly total: number;
  /** The server's address, for messages. */
  readonly url: string;
}

/** @throws MillraceError */
export async function* readStream<P>(
  { response, deadline, total, url }: OpenStream,
  onProgress: ((progress: StreamProgress) => void) | undefined,
): AsyncGenerator<StreamItem<P>, void, void> {
  const { signal } = deadline;
  const requestId = response.headers.get("x-request-id") ?? "";
  if (response.body === null) throw cutShort(0, total, requestId);
  const lines = new LineReader(response.body);
  // The signal ends a read that waits; `check` then throws what ended it.
  const stop = (): void => void lines.cancel(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  let count = 0;
  try {
    for (;;) {
      const line = await nextLine(lines, deadline, url);
      if (line === undefined) break;
      const read = readStreamLine<P>(line, requestId);
      if (read.kind === "progress") onProgress?.(read.progress);
      else {
        count += 1;
        yield read.item;
        deadline.check();
      }
    }
    if (count < total) throw cutShort(count, total, requestId);
  } finally {
    signal.removeEventListener("abort", stop);
    await lines.cancel(undefined);
  }
}

async function nextLine(
  lines: LineReader,
  deadline: Deadline,
  url: string,
): Promise<string | undefined> {
  deadline.check();
  try {
    const line = await lines.next();
    deadline.check();
    return line;
  } catch (thrown) {
    throw connectionError(thrown, deadline.signal, url);
  }
}

function cutShort(count: number, total: number, requestId: string): MillraceError {
  const message = `the stream ended after ${count} of ${total} rows`;
  return new MillraceError("CONNECTION_FAILED", message, { requestId });
}
