/**
 * The WebSocket client: a process of its own that keeps a number of messages in flight on each of a
 * number of sockets, closed loop.
 *
 * `wrk` speaks no WebSocket. Frames are written once, with a mask of zeros, and replies are only
 * counted by their heads, so the client costs little; what it costs is no part of any figure.
 * Latency is that of the oldest message in flight of a socket at each reply.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { FixedRequest } from "./wrk.ts";

/** One order for the client; it answers with a `SocketReport`. */
export interface SocketOrder {
  readonly port: number;
  /** Its path opens the socket, its body is each message. */
  readonly request: FixedRequest;
  readonly sockets: number;
  /** Messages in flight on each socket. */
  readonly inFlight: number;
  readonly seconds: number;
}

export interface SocketReport {
  readonly replies: number;
  readonly seconds: number;
  /** Replies that are errors, and sockets that ended. */
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

/** One latency of this many is kept. */
const latencyEvery = 16;

/** A masked text frame; of a payload under 64 KiB. */
function frameOf(payload: Buffer): Buffer {
  const isShort = payload.length < 126;
  const head = isShort ? [0x81, 0x80 | payload.length] : [0x81, 0x80 | 126, 0, 0];
  const frame = Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
  if (!isShort) frame.writeUInt16BE(payload.length, 2);
  return frame;
}

class Tally {
  replies = 0;
  errors = 0;
  readonly latenciesMs: number[] = [];
}

/** Counts whole frames of the server in the bytes of a socket. */
class FrameCounter {
  #rest = 0;
  #head: Buffer = Buffer.alloc(0);

  /** How many frames ended in `bytes`; the first bytes of each payload go to `start`. */
  take(bytes: Buffer, start: (payload: Buffer) => void): number {
    let ended = 0;
    let at = Math.min(this.#rest, bytes.length);
    if (this.#rest > 0 && at === this.#rest) ended += 1;
    this.#rest -= at;
    let data = bytes;
    if (this.#head.length > 0) {
      data = Buffer.concat([this.#head, bytes]);
      this.#head = Buffer.alloc(0);
      at = 0;
    }
    while (this.#rest === 0 && at < data.length) {
      const short = (data[at + 1] ?? 0) & 0x7f;
      const headBytes = short < 126 ? 2 : 4;
      if (data.length - at < headBytes) {
        this.#head = Buffer.from(data.subarray(at));
        break;
      }
      const length = short < 126 ? short : data.readUInt16BE(at + 2);
      start(data.subarray(at + headBytes, at + headBytes + 8));
      const to = at + headBytes + length;
      if (to <= data.length) ended += 1;
      else this.#rest = to - data.length;
      at = Math.min(to, data.length);
    }
    return ended;
  }
}

/** Opens a socket and keeps `inFlight` messages on it until it is ended. */
function openSocket({ port, request, inFlight }: SocketOrder, tally: Tally): Promise<Socket> {
  const frame = frameOf(readFileSync(request.bodyFile));
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const counter = new FrameCounter();
  const sentMs: number[] = new Array(inFlight).fill(0);
  let turn = 0;
  const send = (count: number): void => {
    const nowMs = performance.now();
    for (let each = 0; each < count; each += 1) {
      sentMs[turn % inFlight] = nowMs;
      turn += 1;
    }
    socket.write(count === 1 ? frame : Buffer.concat(new Array(count).fill(frame)));
  };
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.write(
      `GET ${request.path} HTTP/1.1\r\nhost: bench\r\nconnection: Upgrade\r\n` +
        "upgrade: websocket\r\nsec-websocket-version: 13\r\n" +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    socket.once("data", (head) => {
      if (!String(head).startsWith("HTTP/1.1 101")) reject(new Error(String(head)));
      socket.on("data", (bytes: Buffer) => {
        const ended = counter.take(bytes, (payload) => {
          if (payload.includes("error")) tally.errors += 1;
        });
        if (ended === 0) return;
        tally.replies += ended;
        if (tally.replies % latencyEvery < ended) {
          tally.latenciesMs.push(performance.now() - (sentMs[turn % inFlight] ?? 0));
        }
        send(ended);
      });
      send(inFlight);
      resolve(socket);
    });
  });
}

async function obey(order: SocketOrder): Promise<SocketReport> {
  const tally = new Tally();
  const startedMs = performance.now();
  const opening = Array.from({ length: order.sockets }, () => openSocket(order, tally));
  const sockets = await Promise.all(opening);
  for (const socket of sockets) {
    socket.on("error", () => {});
    socket.once("close", () => {
      tally.errors += 1;
    });
  }
  await new Promise((done) => setTimeout(done, order.seconds * 1_000));
  const seconds = (performance.now() - startedMs) / 1_000;
  const { replies, errors } = tally;
  for (const socket of sockets) socket.destroy();
  const us = tally.latenciesMs.map((each) => each * 1e3).toSorted((a, b) => a - b);
  const at = (share: number): number => us[Math.floor((us.length - 1) * share)] ?? 0;
  return { replies, seconds, errors, p50Us: at(0.5), p99Us: at(0.99), maxUs: at(1) };
}

process.on("message", (order: SocketOrder) => {
  obey(order).then(
    (report) => process.send?.(report),
    (thrown: unknown) => {
      process.stderr.write(`${String(thrown)}\n`);
      process.exit(1);
    },
  );
});
process.send?.("ready");
