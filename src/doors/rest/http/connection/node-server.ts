/**
 * Node's HTTP server as this door sets it up, with TLS or without.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { Limits } from "../../../../base/index.ts";
import type { TlsParts } from "../../../../transport/index.ts";
import { BodyRequest } from "../body-request.ts";
import { ReplyResponse } from "../reply-response.ts";
import { isWebSocket } from "../upgrade.ts";
import { createSecureServer } from "./secure-server.ts";

export interface NodeServerParts {
  readonly limits: Limits;
  /** Callers have to speak TLS; none for cleartext. */
  readonly tls?: TlsParts | undefined;
  /** Speaks HTTP/2 on a connection. */
  takeHttp2(socket: Socket): void;
}

export interface NodeServer {
  readonly server: Server;
  /** Connections whose handshake is over; `undefined` without TLS. */
  readonly secured: ReadonlySet<Socket> | undefined;
}

/** REQUIRES: who listens counts the connections. */
export function createNodeServer({ tls, limits, takeHttp2 }: NodeServerParts): NodeServer {
  const options = nodeOptionsOf(limits);
  if (tls === undefined) return { server: createServer(options), secured: undefined };
  const { server, sockets } = createSecureServer(options, { tls, limits, takeHttp2 });
  return { server, secured: sockets };
}

function nodeOptionsOf(limits: Limits): ServerOptions {
  return {
    // The parser calls `push` on whatever class stands here; the listener gets it back as ours.
    IncomingMessage: BodyRequest as typeof IncomingMessage,
    ServerResponse: ReplyResponse as typeof ServerResponse,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersReadMsMax,
    // For bodies that no exchange waits for; the others are watched.
    requestTimeout: limits.headersReadMsMax + limits.bodyReadMsMax,
    connectionsCheckingInterval: Math.min(1_000, limits.headersReadMsMax),
    // Idle connections are watched too: Node would set a timer twice for each request.
    keepAliveTimeout: 0,
    noDelay: true,
    shouldUpgradeCallback: isWebSocket,
    // Asked by `begin`: Node would answer past us.
    requireHostHeader: false,
  };
}
