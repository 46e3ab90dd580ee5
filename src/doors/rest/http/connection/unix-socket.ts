/**
 * Accepts connections on a Unix socket beside the port.
 *
 * A server that was killed leaves its socket behind, and nobody else may take its path by accident:
 * the path is tried first, and removed only when it is a socket on which nobody listens. Who may
 * connect is a matter of the folder's and the socket's permissions, which follow the umask.
 */
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { dirname } from "node:path";
import { ServingError } from "../../../../base/index.ts";

/** Bytes of a path that every system takes. */
const pathBytesMax = 100;

/**
 * Listens on `path` and hands the connections to `http`; closing the server removes the path.
 *
 * @throws INTERNAL the path is too long, is no socket, may not be used, or has a server already
 */
export async function listenUnix(http: HttpServer, path: string): Promise<Server> {
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw unusable(path, `is longer than ${pathBytesMax} bytes`);
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    http.emit("connection", socket);
  });
  try {
    await clear(path);
    await new Promise<void>((done, failed) => {
      server.once("error", failed);
      server.listen(path, done);
    });
  } catch (thrown) {
    if (thrown instanceof ServingError) throw thrown;
    // The system says EACCES of this too.
    if (!existsSync(dirname(path))) throw unusable(path, "has a folder that is not there");
    // The system's own error would be read as one of the port.
    throw unusable(path, `may not be used (${(thrown as NodeJS.ErrnoException).code})`);
  }
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
    // Any other fault (a full queue, no permission) is that of a socket with a server behind it.
    socket.once("error", ({ code }: NodeJS.ErrnoException) => done(code !== "ECONNREFUSED"));
  });
}

function unusable(path: string, why: string): ServingError {
  return new ServingError("INTERNAL", `server.unixSocket: ${path} ${why}: name another path`);
}
