/**
 * The peer of a call that came over HTTP/1.1.
 *
 * Invariant: `closed` is told once, when the reply has left and the request is whole, or when the
 * connection is gone: until then the call is looked after, so a caller who sends on after its reply
 * is cut in time.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { countResponse, takenBytes, type UnreadReplies } from "../../../transport/index.ts";
import type { CallHeaders } from "../http2/headers/call-headers.ts";
import type { WebPeer, WebSink } from "./web-peer.ts";

export function http1Peer(
  request: IncomingMessage,
  response: ServerResponse,
  unread: UnreadReplies,
): WebPeer {
  const target = request.url ?? "";
  const query = target.indexOf("?");
  return {
    method: request.method ?? "",
    path: query === -1 ? target : target.slice(0, query),
    headers: headersOf(request),
    headerBytes: request.rawHeaders.reduce((bytes, text) => bytes + text.length, 0),
    headerPairs: request.rawHeaders.length / 2,
    line: request.socket,
    get unsentBytes() {
      return response.writableLength;
    },
    get progress() {
      // A reply behind one that is not ready waits for that one, not for its reader.
      return request.socket.writableLength === 0 ? undefined : takenBytes(request.socket);
    },
    get isSent() {
      return response.writableFinished;
    },
    get needsDrain() {
      return response.writableNeedDrain && !response.destroyed;
    },
    hear: (sink) => hear(request, response, sink),
    head: (status, headers) => void response.writeHead(status, headers),
    write: (bytes) => void response.write(bytes),
    refusalOf(bytes) {
      const line = unread.of(request.socket);
      return line.admits(bytes) ? undefined : line.refusal(bytes);
    },
    end() {
      response.end();
      const { writableLength } = response;
      const onSent = (act: () => void): void => void response.once("finish", act);
      countResponse(unread.of(request.socket), { writableLength, onSent }, writableLength);
    },
    answer: (status, headers, text) => answer(request, response, { status, headers, text }),
    onDrain: (act) => void response.once("drain", act),
    pause: () => void request.pause(),
    resume: () => void request.resume(),
    cut: () => void request.socket.destroy(),
  };
}

/** Node keeps one field, which callers do not send, as a list. */
function headersOf({ headers }: IncomingMessage): CallHeaders {
  const plain: { [name: string]: string | undefined } = Object.create(null);
  for (const [name, value] of Object.entries(headers)) plain[name] = String(value);
  return plain;
}

/** Statuses from here on say no. */
const refusedFrom = 400;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

function answer(
  { headers: asked }: IncomingMessage,
  response: ServerResponse,
  { status, headers, text }: Answer,
): void {
  const hasBody =
    (asked["content-length"] ?? "0") !== "0" || asked["transfer-encoding"] !== undefined;
  if (hasBody || status >= refusedFrom) response.shouldKeepAlive = false;
  response.writeHead(status, headers);
  response.end(text);
}

function hear(request: IncomingMessage, response: ServerResponse, sink: WebSink): void {
  let isRead = false;
  let isReplied = false;
  let isTold = false;
  const close = (): void => {
    if (isTold) return;
    isTold = true;
    request.socket.removeListener("close", close);
    sink.closed();
  };
  // The end of a connection is an error of the request where it had not ended.
  request.on("error", () => {});
  request.on("data", (bytes: Buffer) => sink.chunk(bytes));
  request.once("end", () => {
    isRead = true;
    sink.halfClosed();
    if (isReplied) close();
  });
  request.socket.once("close", close);
  response.once("close", () => {
    isReplied = true;
    if (isRead) close();
  });
}
