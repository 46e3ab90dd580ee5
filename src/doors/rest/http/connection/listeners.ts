/**
 * Accepts connections for one HTTP server through several listening sockets.
 *
 * libuv accepts one connection per listening socket and turn of the loop, so with a single socket
 * a burst of new connections is let in one by one while the early ones already flood the loop: the
 * late ones wait for seconds. Several sockets on one port (SO_REUSEPORT) share the burst. Measured
 * at 512 fresh connections: the worst 100 ms window fell from 528 to 124 ms. Sharing a port would
 * also let a second server take half of our callers without an error, so the port is first claimed
 * alone. Where the platform has no SO_REUSEPORT one socket is used.
 */
import type { Server as HttpServer } from "node:http";
import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { claimPort, type PortSharing } from "../../../../transport/index.ts";
import { listenUnix } from "./unix-socket.ts";

/** Connections that may wait in the kernel per listening socket. */
const backlogConnectionsMax = 4096;

export interface ListenersOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Listening sockets, 1 to 64. */
  readonly sockets: number;
  /** Connections above this are closed at accept. */
  readonly connectionsMax: number;
  /** There are several fronts: the first claims the port, the others join it. */
  readonly sharing?: PortSharing | undefined;
  /** A path that is listened on too; none or "" for the port alone. */
  readonly unixSocket?: string;
  /** Told of each connection that was closed so. */
  refused(): void;
}

export interface Listeners {
  readonly port: number;
  /** Open connections. */
  readonly sockets: ReadonlySet<Socket>;
  /** Those whose reader has not yet taken all that was written. */
  readonly unsentConnections: number;
  /** Stops accepting; open connections stay. */
  stop(): void;
  /** Ends every connection. */
  destroyConnections(): void;
}

/**
 * Opens the sockets and hands their connections to `http`.
 *
 * @throws the system's error when the port is taken or may not be used
 */
export async function openListeners(
  http: HttpServer,
  options: ListenersOptions,
): Promise<Listeners> {
  const open = new Set<Socket>();
  const track = (socket: Socket): void => {
    if (open.size >= options.connectionsMax) {
      socket.destroy();
      options.refused();
      return;
    }
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  };
  http.prependListener("connection", track);
  const { sharing } = options;
  const port = sharing === "joins" ? options.port : await claimPort(options.host, options.port);
  const where = { host: options.host, port, backlog: backlogConnectionsMax };
  if (sharing !== undefined) await listen(http, { ...where, reusePort: true });
  const isShared =
    sharing !== undefined ||
    (await listenShared(http, { ...where, reusePort: options.sockets > 1 }));
  const more: Server[] = [];
  for (let index = 1; index < options.sockets && isShared; index += 1) {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      http.emit("connection", socket);
    });
    await listen(server, { ...where, reusePort: true });
    more.push(server);
  }
  const { unixSocket = "" } = options;
  if (unixSocket !== "") more.push(await listenUnix(http, unixSocket));
  return {
    port,
    sockets: open,
    get unsentConnections() {
      let count = 0;
      for (const socket of open) if (socket.writableLength > 0) count += 1;
      return count;
    },
    stop() {
      http.close();
      for (const server of more) server.close();
      // Node does not count a connection as idle before its first request.
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    },
    destroyConnections() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** True when the port is shared; false when the platform cannot and it was opened alone. */
async function listenShared(server: Server, options: ListenOptions): Promise<boolean> {
  try {
    await listen(server, options);
    return options.reusePort === true;
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code !== "ENOTSUP" && code !== "EINVAL") throw thrown;
    await listen(server, { ...options, reusePort: false });
    return false;
  }
}

async function listen(server: Server, options: ListenOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(options, resolve);
  await promise;
  server.removeListener("error", reject);
  const address = server.address();
  if (typeof address === "object" && address !== null) return address.port;
  return options.port ?? 0;
}
