/**
 * What becomes of a connection on which too little moves: one that is idle, a body that takes too
 * long or comes too slowly, a reply that nobody takes.
 *
 * Decided by the state of the connection and looked at from outside, so a request costs no timer.
 * A look waits until what has already arrived was read: after a busy moment of ours a body would
 * seem slow that lies in the kernel.
 */
import type { Socket } from "node:net";
import type { Clock, Limits } from "../../../../base/index.ts";
import { judgePace, judgeReading, type Mark, takenBytes } from "../../../../transport/index.ts";
import type { Exchange } from "../exchange.ts";
import {
  arrivingExchange,
  begunExchanges,
  hasLeftHttp,
  hasOpenExchange,
  owedResponse,
} from "./open-exchanges.ts";

/** The limits that a look may find hit. */
export type LateLimit = "bodyReadMsMax" | "bodyBytesPerSecondMin";

export interface ConnectionWatch {
  readonly sockets: ReadonlySet<Socket>;
  readonly clock: Clock;
  readonly limits: Pick<Limits, LateLimit | "replyReadMsMax">;
  /** How long a connection may be idle, ms. */
  readonly keepAliveMs: number;
  /** Told of each connection whose body is late or slow. */
  late(socket: Socket, limit: LateLimit): void;
  /** Told of each connection whose caller has stopped taking a reply. */
  unread(socket: Socket): void;
}

/** Between two looks at all connections, ms. */
const lookMsMax = 1_000;

const body = Symbol("body under watch");
const reply = Symbol("reply under watch");
const idle = Symbol("idle since");

interface Watched extends Socket {
  [body]?: { readonly exchange: Exchange; readonly mark: Mark } | undefined;
  [reply]?: Mark | undefined;
  /** When a look first found it so, and what had begun on it by then. */
  [idle]?: { readonly sinceMs: number; readonly begun: number } | undefined;
}

/** Looks at all connections until what it returns is called. */
export function watchConnections(watch: ConnectionWatch): () => void {
  const { sockets, clock, limits, keepAliveMs } = watch;
  const { bodyReadMsMax, replyReadMsMax } = limits;
  const lookMs = Math.min(lookMsMax, bodyReadMsMax, replyReadMsMax, keepAliveMs);
  const look = (): void => {
    const nowMs = clock.nowMs();
    for (const socket of sockets) {
      if (hasLeftHttp(socket)) continue;
      lookAtBody(watch, socket, nowMs);
      if (isUnread(socket, replyReadMsMax, nowMs)) watch.unread(socket);
      else if (isIdle(socket, keepAliveMs, nowMs)) socket.destroy();
    }
  };
  const due = (): void => {
    timer = clock.after(lookMs, due);
    clock.soon(look);
  };
  let timer = clock.after(lookMs, due);
  return () => timer.cancel();
}

function lookAtBody({ limits, late }: ConnectionWatch, socket: Watched, nowMs: number): void {
  const exchange = arrivingExchange(socket);
  if (exchange === undefined) {
    socket[body] = undefined;
    owedResponse(socket);
    return;
  }
  if (exchange.times.arrivedAtMs < nowMs - limits.bodyReadMsMax) {
    late(socket, "bodyReadMsMax");
    return;
  }
  const now = { atMs: nowMs, bytes: socket.bytesRead };
  const known = socket[body];
  const mark =
    known?.exchange === exchange ? judgePace(known.mark, now, limits.bodyBytesPerSecondMin) : now;
  if (mark === "slow") late(socket, "bodyBytesPerSecondMin");
  else socket[body] = { exchange, mark };
}

/**
 * True when nothing has begun on this connection for `msMax` and nothing is under way. One that
 * waits for the engine, for its body or for its reader has other limits, and so has one whose first
 * headers are not in.
 */
function isIdle(socket: Watched, msMax: number, nowMs: number): boolean {
  if (hasOpenExchange(socket) || socket.writableLength > 0) {
    socket[idle] = undefined;
    return false;
  }
  const begun = begunExchanges(socket);
  if (begun === 0) return false;
  const known = socket[idle];
  if (known?.begun === begun) return nowMs - known.sinceMs >= msMax;
  socket[idle] = { sinceMs: nowMs, begun };
  return false;
}

/** True when a reply waits on this connection and nothing of it was taken for `msMax`. */
function isUnread(socket: Watched, msMax: number, nowMs: number): boolean {
  const bytes = takenBytes(socket);
  if (socket.writableLength === 0 || bytes === undefined) {
    socket[reply] = undefined;
    return false;
  }
  const now = { atMs: nowMs, bytes };
  const mark = judgeReading(socket[reply] ?? now, now, msMax);
  if (mark === "stuck") return true;
  socket[reply] = mark;
  return false;
}
