/**
 * The line from this worker to another front than its parent.
 *
 * The worker connects and the front listens, so that the socket reads straight into the memory of
 * the frames, as the parent's does, and a worker opens no way in. A front that is gone, or says
 * what makes no sense, loses its line and nothing else: its runs that are under way are answered
 * into a closed socket.
 */
import { connect, type Socket } from "node:net";
import { type Connect, FrameReader } from "../frame/index.ts";
import type { Line, Worker } from "./worker.ts";

/** Connects to a front and serves its runs from then on. */
export function connectFront({ path, front, worker: number }: Connect, worker: Worker): void {
  const reader = new FrameReader((frame) => {
    worker.take(frame, line).catch(() => socket.destroy());
  });
  const socket: Socket = connect({
    path,
    onread: {
      buffer: () => reader.target(),
      callback: (count) => read(reader, count, socket),
    },
  });
  const line: Line = {
    front,
    sink: socket,
    lane: undefined,
    giveBack: (frame) => reader.giveBack(frame),
  };
  socket.on("error", () => socket.destroy());
  socket.once("connect", () => worker.greet(line, number));
}

/** False when nothing more is read. */
function read(reader: FrameReader, count: number, socket: Socket): boolean {
  try {
    reader.filled(count);
    return true;
  } catch {
    socket.destroy();
    return false;
  }
}
