/**
 * The child process: started by path, never imported.
 *
 * It imports as little as it can, because its start is on the way of every first answer and of
 * every recovery. File descriptor 3 is the socket of its parent; when that closes, nobody is left
 * to work for, and it ends. A fault in the frames or an error nobody caught ends it too: the parent
 * starts a clean one. It beats each second, which it can only do between runs.
 *
 * Started with the word `fronts` it serves several fronts: file descriptor 4 is then the record of
 * what runs, and it connects to each front that its parent names. With the word `lane` descriptors
 * 5 and 6 are the files in which large frames lie, to read and to write.
 */
import { rmdirSync } from "node:fs";
import { Socket } from "node:net";
import { basename } from "node:path";
import { setV8Flags } from "../../base/index.ts";
import { type Frame, FrameReader, Lane, RunningRecord } from "../frame/index.ts";
import { connectFront } from "./front-line.ts";
import { type Line, Worker } from "./worker.ts";

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

const lane = process.argv.includes("lane") ? new Lane({ toRead: 5, toWrite: 6 }) : undefined;
const take = (frame: Frame) => void worker.take(frame, parent).catch(fail);
const reader = new FrameReader(take, { lane });
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
const giveBack = (frame: Frame) => reader.giveBack(frame);
const parent: Line = { front: 0, sink: socket, lane, giveBack };
const worker: Worker = new Worker({
  parent,
  record: process.argv.includes("fronts") ? new RunningRecord(4) : undefined,
  connect: (to) => connectFront(to, worker),
});
socket.on("end", leave);
socket.on("close", leave);
socket.on("error", leave);
await worker.hello();
setV8Flags();
socket.resume();
setInterval(() => worker.beat(), beatMs);
