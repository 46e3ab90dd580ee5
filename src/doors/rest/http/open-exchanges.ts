/**
 * Which exchanges of a connection are not over, so that a caller who leaves is noticed at once.
 *
 * One listener a connection instead of one a response: that is 2% of a small request. A connection
 * has one exchange at a time, or as many as its caller pipelines: Node stops reading a connection
 * only while written answers wait on it, so what bounds them is the queue behind the routes.
 */
import type { Socket } from "node:net";
import type { Exchange } from "./exchange.ts";

const open = Symbol("open exchanges");

interface Tracked extends Socket {
  [open]?: Exchange[];
}

/** Notes that `exchange` is under way on `socket`. */
export function openExchange(socket: Socket, exchange: Exchange): void {
  const tracked = socket as Tracked;
  const known = tracked[open];
  if (known !== undefined) {
    known.push(exchange);
    return;
  }
  tracked[open] = [exchange];
  socket.once("close", tellAll);
}

/** Notes that `exchange` is over. */
export function closeExchange(socket: Socket, exchange: Exchange): void {
  const known = (socket as Tracked)[open];
  if (known === undefined) return;
  if (known.length === 1 && known[0] === exchange) {
    known.length = 0;
    return;
  }
  const index = known.indexOf(exchange);
  if (index !== -1) known.splice(index, 1);
}

/** True while an exchange of `socket` is not over: its headers are in. */
export function hasOpenExchange(socket: Socket): boolean {
  return ((socket as Tracked)[open]?.length ?? 0) > 0;
}

function tellAll(this: Tracked): void {
  for (const exchange of [...(this[open] ?? [])]) exchange.callerLeft();
}
