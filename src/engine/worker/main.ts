/**
 * The child process: started by path, never imported.
 *
 * It imports as little as it can, because its start is on the way of every first answer and of
 * every recovery. File descriptor 3 is the socket of its parent; when that closes, nobody is left
 * to work for, and it ends. A fault in the frames or an error nobody caught ends it too: the parent
 * starts a clean one. It beats each second, which it can only do between runs.
 */
import { rmdirSync } from "node:fs";
import { Socket } from "node:net";
import { basename } from "node:path";
import { setV8Flags } from "../../base/index.ts";
import { FrameReader } from "../frame/index.ts";
import { Worker } from "./worker.ts";

const beatMs = 1_000;

function fail(thrown: unknown): never {
  process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
  process.exit(70);
}

/** Nobody is left to work for; the parent may be gone without having removed our folder. */
function leave(): never {
  const folder = process.cwd();
  try {
    process.chdir("/");
    if (basename(folder).startsWith("millrace-worker-")) rmdirSync(folder);
  } catch {
    // The parent was faster.
  }
  process.exit(0);
}

process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
// A terminal's Ctrl-C reaches the whole process group; the parent decides when a worker ends.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

const reader = new FrameReader((frame) => {
  worker.take(frame).catch(fail);
});
const socket = new Socket({
  fd: 3,
  readable: true,
  writable: true,
  // The socket reads straight into the memory of the frame: no copy, and no stream machinery.
  onread: {
    buffer: () => reader.target(),
    callback: (count) => {
      reader.filled(count);
      return true;
    },
  },
});
// Nothing is taken before HELLO is out: a load that ends this process would pass for a bad start.
socket.pause();
const worker = new Worker(socket, (frame) => reader.giveBack(frame));
socket.on("end", leave);
socket.on("close", leave);
socket.on("error", leave);
await worker.hello();
setV8Flags();
socket.resume();
setInterval(() => worker.beat(), beatMs);
