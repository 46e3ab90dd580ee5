/**
 * The port of the door: who may connect, and which protocol a connection speaks.
 *
 * gRPC is HTTP/2, a browser's gRPC-Web is HTTP/1.1 unless TLS lets it choose HTTP/2. In TLS both
 * sides say so; without it the first bytes do: an HTTP/2 caller opens with a line that no request
 * of HTTP/1.1 can begin with (RFC 9113, 3.4). Rejected: a port of its own for browsers, one more to
 * configure, to open in firewalls and to watch.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { Clock, LimitName, Limits } from "../../../base/index.ts";
import { secureOptions, type TlsParts } from "../../../transport/index.ts";
import { type ListenPlace, listen } from "./listen.ts";

export interface ListenerOptions extends ListenPlace {
  readonly tls: TlsParts | undefined;
  readonly limits: Pick<Limits, "connectionsMax" | "headersReadMsMax">;
  readonly clock: Clock;
  limitHit(name: LimitName): void;
  /** Takes a connection that speaks HTTP/2; its time to say more counts from `sinceMs`. */
  http2(socket: Socket, sinceMs: number): void;
  /** Takes one that speaks something else. */
  http1(socket: Socket): void;
}

export interface Listener {
  readonly port: number;
  /** At most connectionsMax. */
  readonly sockets: ReadonlySet<Socket>;
  /** Accepts no more connections. */
  close(): void;
}

/** Starts listening. @throws the system's error when the port cannot be had */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const server = options.tls === undefined ? plainServer(options) : tlsServer(options, options.tls);
  const sockets = limitConnections(server, options);
  const port = await listen(server, options);
  return { port, sockets, close: () => void server.close() };
}

function plainServer(options: ListenerOptions): Server {
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (!socket.destroyed) hearFirstBytes(socket, options);
  });
}

function tlsServer(options: ListenerOptions, tls: TlsParts): Server {
  const server = createTlsServer({
    allowHalfOpen: true,
    ALPNProtocols: ["h2", "http/1.1"],
    ...secureOptions(tls, options.limits),
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", () => {});
    if (socket.alpnProtocol === "h2") options.http2(socket, options.clock.nowMs());
    else options.http1(socket);
  });
  server.on("tlsClientError", () => {});
  return server;
}

/** What an HTTP/2 caller says first, as far as it is no request of HTTP/1.1. */
const preface = Buffer.from("PRI * HTTP/2.0");

/** Hands the connection on once its first bytes say what it speaks. */
function hearFirstBytes(socket: Socket, options: ListenerOptions): void {
  const sinceMs = options.clock.nowMs();
  let head: Buffer = Buffer.alloc(0);
  const late = options.clock.after(options.limits.headersReadMsMax, () => socket.destroy());
  const leave = (): void => {
    late.cancel();
    socket.destroy();
  };
  const take = (chunk: Buffer): void => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const isSame = preface.subarray(0, head.length).equals(head.subarray(0, preface.length));
    if (isSame && head.length < preface.length) return;
    late.cancel();
    socket.removeListener("data", take);
    socket.removeListener("end", leave);
    socket.removeListener("close", leave);
    socket.pause();
    socket.unshift(head);
    if (isSame) options.http2(socket, sinceMs);
    else options.http1(socket);
  };
  socket.on("error", () => {});
  socket.on("data", take);
  socket.on("end", leave);
  socket.on("close", leave);
}

/** Closes what comes above the limit at once. */
function limitConnections(server: Server, options: ListenerOptions): ReadonlySet<Socket> {
  const { connectionsMax } = options.limits;
  // At most `connectionsMax`.
  const open = new Set<Socket>();
  server.prependListener("connection", (socket: Socket) => {
    if (open.size >= connectionsMax) {
      socket.destroy();
      options.limitHit("connectionsMax");
      return;
    }
    open.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => open.delete(socket));
  });
  return open;
}
