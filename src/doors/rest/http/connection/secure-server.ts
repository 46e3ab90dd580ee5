/**
 * The HTTP server of a port that speaks TLS.
 *
 * Both versions are offered (ALPN), and a caller who asks for none gets HTTP/1.1. Connections of
 * HTTP/2 never see the parser of HTTP/1. A handshake that fails, or takes longer than the headers
 * of a request may, ends its connection without a word: there is nobody to read one.
 */
import type { ServerOptions } from "node:http";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Limits } from "../../../../base/index.ts";
import { secureOptions, type TlsParts } from "../../../../transport/index.ts";
import { leaveHttp } from "./open-exchanges.ts";

export interface SecureParts {
  readonly tls: TlsParts;
  readonly limits: Limits;
  /** Speaks HTTP/2 on a connection. */
  takeHttp2(socket: Socket): void;
}

export interface SecureServer {
  readonly server: Server;
  /** Connections whose handshake is over; each was counted when it was accepted. */
  readonly sockets: ReadonlySet<Socket>;
}

/** REQUIRES: its connections are counted by who listens. */
export function createSecureServer(http: ServerOptions, parts: SecureParts): SecureServer {
  const server = createServer({
    ...http,
    ...secureOptions(parts.tls, parts.limits),
    ALPNProtocols: ["h2", "http/1.1"],
    allowHalfOpen: true,
  });
  // At most connectionsMax.
  const sockets = new Set<Socket>();
  const takeHttp1 = server.listeners("secureConnection");
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (socket.alpnProtocol === "h2") {
      leaveHttp(socket);
      parts.takeHttp2(socket);
    } else for (const take of takeHttp1) Reflect.apply(take, server, [socket]);
  });
  server.removeAllListeners("tlsClientError");
  server.on("tlsClientError", (_error: Error, socket: TLSSocket) => void socket.destroy());
  return { server, sockets };
}
