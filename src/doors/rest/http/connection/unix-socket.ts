/**
 * Accepts connections on a Unix socket beside the port.
 *
 * A server that was killed leaves its socket behind, and nobody else may take its path by accident:
 * the path is tried first, and removed only when it is a socket that nobody answers on. Who may
 * connect is a matter of the folder's and the socket's permissions, which follow the umask.
 */
import { lstatSync, unlinkSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { ServingError } from "../../../../base/index.ts";

/** Bytes of a path that every system takes. */
const pathBytesMax = 100;

/**
 * Listens on `path` and hands the connections to `http`; closing the server removes the path.
 *
 * @throws INTERNAL the path is too long, is no socket, or another server answers there
 * @throws the system's error when the path may not be used
 */
export async function listenUnix(http: HttpServer, path: string): Promise<Server> {
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw unusable(path, `is longer than ${pathBytesMax} bytes`);
  }
  await clear(path);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    http.emit("connection", socket);
  });
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(path, done);
  });
  return server;
}

/** Removes what a killed server has left. */
async function clear(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw unusable(path, "is there and is no socket");
  if (await isAnswered(path)) throw unusable(path, "is taken by another server");
  unlinkSync(path);
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  return await new Promise((done) => {
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

function unusable(path: string, why: string): ServingError {
  return new ServingError("INTERNAL", `server.unixSocket: ${path} ${why}: name another path`);
}
