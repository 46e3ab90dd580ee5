/**
 * The HTTP/1.1 side of the door: what browsers call (gRPC-Web).
 *
 * What is gRPC-Web is always answered 200 with the status behind it, as its clients expect; what
 * is not is refused as HTTP, with a line that says what the port takes. It serves the methods and
 * keeps the limits of the HTTP/2 side, and has no route of its own.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type CorsSettings, errorTable, quote, ServingError } from "../../../base/index.ts";
import type { UnreadReplies } from "../../../transport/index.ts";
import { beginCall, type CallHost } from "../transport/begin-call.ts";
import { webFormatOf } from "./content-type.ts";
import { corsHeadersOf, isPreflight, preflightHeadersOf } from "./cors.ts";
import { http1Peer } from "./http1-peer.ts";
import { Pipeline } from "./pipeline.ts";
import { WebCall } from "./web-call.ts";
import type { WebPeer } from "./web-peer.ts";

export interface WebOptions {
  readonly cors: CorsSettings;
  readonly hasWeb: boolean;
  /** Where what waits for its reader is counted. */
  readonly unread: UnreadReplies;
}

export interface WebServer {
  /** Takes a connection that does not speak HTTP/2. */
  take(socket: Socket): void;
  /** From now on replies close their connection. */
  announceClose(): void;
  /** Ends idle connections. */
  stop(): void;
}

/** How long a connection may be idle, ms. */
const keepAliveMs = 65_000;
/** How often the times of connections are looked at, ms. */
const lookMs = 1_000;

export function createWebServer(host: CallHost, options: WebOptions): WebServer {
  const { limits } = host;
  const pipeline = new Pipeline(limits.http2StreamsMax);
  let isClosing = false;
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersReadMsMax,
      // Bodies have their time from the watch of calls.
      requestTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: lookMs,
    },
    (request: IncomingMessage, response: ServerResponse) => {
      if (isClosing) response.shouldKeepAlive = false;
      const peer = http1Peer(request, response, options.unread);
      if (pipeline.enter(request.socket, response)) takeRequest(host, options.cors, peer);
      else refuse(peer, tooManyCalls(limits.http2StreamsMax));
    },
  );
  // It has no port of its own, and Node begins to look at times when a server listens.
  server.emit("listening");
  return {
    take(socket) {
      if (!options.hasWeb) socket.destroy();
      else begin(server, socket);
    },
    announceClose() {
      isClosing = true;
    },
    stop() {
      server.close();
      server.closeIdleConnections();
    },
  };
}

function begin(server: Server, socket: Socket): void {
  server.emit("connection", socket);
  // It was paused while its first bytes were looked at.
  socket.resume();
}

/** Answers one request of HTTP, whichever it came over. */
export function takeRequest(host: CallHost, cors: CorsSettings, peer: WebPeer): void {
  try {
    if (isPreflight(peer)) {
      peer.answer(204, preflightHeadersOf(peer, cors), "");
    } else takeCall(host, cors, peer);
  } catch (thrown) {
    refuse(peer, ServingError.from(thrown));
  }
}

/** @throws METHOD_NOT_ALLOWED, UNSUPPORTED_MEDIA_TYPE for what is no call of gRPC-Web */
function takeCall(host: CallHost, cors: CorsSettings, peer: WebPeer): void {
  const type = peer.headers["content-type"] ?? "";
  const format = webFormatOf(type);
  if (peer.method !== "POST") {
    throw new ServingError("METHOD_NOT_ALLOWED", "gRPC and gRPC-Web are called by POST");
  }
  if (format === undefined) throw wrongType(type);
  const call = new WebCall({
    peer,
    format,
    settings: host.settings,
    requestId: host.nextRequestId(peer.headers["x-request-id"] ?? ""),
    corsHeaders: corsHeadersOf(peer, cors),
  });
  host.calls.add(call);
  host.watch.note();
  try {
    beginCall(host, call, peer);
  } catch (thrown) {
    call.fail(thrown);
  }
}

/** Says no as HTTP does, to a request that is no call. */
function refuse(peer: WebPeer, error: ServingError): void {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "x-error-code": error.code,
    ...(error.code === "METHOD_NOT_ALLOWED" ? { allow: "POST, OPTIONS" } : {}),
  };
  peer.answer(errorTable[error.code].http, headers, `${error.message}\n`);
}

function wrongType(type: string): ServingError {
  const message =
    `header 'content-type': expected application/grpc-web or application/grpc-web-text, with ` +
    `+proto or without, got ${quote(type)}; gRPC itself needs HTTP/2, and REST has its own port`;
  return new ServingError("UNSUPPORTED_MEDIA_TYPE", message, { field: "content-type" });
}

function tooManyCalls(max: number): ServingError {
  const message = `${max} calls are open on this connection already (http2StreamsMax)`;
  return new ServingError("OVERLOADED", message, { limit: "http2StreamsMax" });
}
