/**
 * Requests over HTTP/2 by Node's own client, for tests that speak to a door.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type SecureClientSessionOptions,
} from "node:http2";

export interface Heard {
  /** 0 when no head came. */
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly bytes: Buffer;
  /** The code the stream was closed with. */
  readonly rstCode: number;
}

/** A connection whose errors end it in silence. */
export function openSession(
  url: string,
  options: SecureClientSessionOptions = {},
): ClientHttp2Session {
  const session = connect(url, options);
  session.on("error", () => {});
  return session;
}

/** Sends a head, lets `send` write, and gives how it ended; never rejects. */
export async function ask(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  send: (stream: ClientHttp2Stream) => void = (stream) => void stream.end(),
): Promise<Heard> {
  const stream = session.request(headers, { endStream: false });
  const chunks: Buffer[] = [];
  let head: Record<string, unknown> = {};
  stream.on("response", (got) => {
    head = got;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  const closed = new Promise((done) => stream.once("close", done));
  send(stream);
  await closed;
  const bytes = Buffer.concat(chunks);
  return {
    status: Number(head[":status"] ?? 0),
    headers: head,
    text: String(bytes),
    bytes,
    rstCode: stream.rstCode ?? 0,
  };
}

/** The head of a POST of JSON. */
export function posting(
  path: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ":method": "POST", ":path": path, "content-type": "application/json", ...more };
}
