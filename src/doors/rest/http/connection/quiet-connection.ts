/**
 * What becomes of a connection on which nothing has moved, and of a body that takes too long.
 *
 * Both are decided by the state of the connection and looked at from outside, so a request costs
 * no timer.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../../../base/index.ts";
import { arrivingExchange, hasOpenExchange, owedResponse } from "./open-exchanges.ts";

/**
 * Nothing has moved on this connection for its time: it ends when it is idle, or when its caller
 * has stopped taking a reply. One that waits for the engine or for its body has other limits, and
 * so has one whose first headers are not in. True for a caller who had stopped.
 */
export function cutQuiet(socket: Socket): boolean {
  const isStuck = socket.writableLength > 0;
  const isIdle = !hasOpenExchange(socket) && socket.bytesWritten > 0;
  if (isIdle || isStuck) socket.destroy();
  return isStuck;
}

export interface BodyWatch {
  readonly sockets: ReadonlySet<Socket>;
  readonly clock: Clock;
  /** Time for a body from the end of its headers, ms. */
  readonly bodyReadMsMax: number;
  /** Told of each connection whose body is late. */
  late(socket: Socket): void;
}

/** Between two looks at all connections, ms. */
const lookMsMax = 1_000;

/** Looks for late bodies until what it returns is called. */
export function watchBodies({ sockets, clock, bodyReadMsMax, late }: BodyWatch): () => void {
  const lookMs = Math.min(lookMsMax, bodyReadMsMax);
  const look = (): void => {
    const bornMs = clock.nowMs() - bodyReadMsMax;
    for (const socket of sockets) {
      const exchange = arrivingExchange(socket);
      if (exchange !== undefined && exchange.times.arrivedAtMs < bornMs) late(socket);
      else owedResponse(socket);
    }
    timer = clock.after(lookMs, look);
  };
  let timer = clock.after(lookMs, look);
  return () => timer.cancel();
}
