/**
 * Which exchanges of a connection are not over, and the response that came last.
 *
 * A caller who leaves is noticed at once, and a connection that breaks knows what it still owes.
 * One listener a connection instead of one a response: that is 2% of a small request. A connection
 * has one exchange at a time, or as many as its caller pipelines: Node stops reading a connection
 * only while written answers wait on it, so what bounds them is the queue behind the routes.
 */
import type { Socket } from "node:net";
import { BodyRequest } from "../body-request.ts";
import type { Exchange } from "../exchange.ts";
import { connectionClosed, type ReplyResponse } from "../reply-response.ts";

const open = Symbol("open exchanges");
const last = Symbol("last response");
const begun = Symbol("exchanges begun");
const left = Symbol("speaks another protocol");

interface Tracked extends Socket {
  [open]?: Exchange[];
  [last]?: ReplyResponse | undefined;
  /** How many have begun on it; wraps round. */
  [begun]?: number;
  [left]?: true;
}

/** Notes that `exchange` is under way on `socket`. */
export function openExchange(socket: Socket, exchange: Exchange): void {
  const tracked = socket as Tracked;
  tracked[last] = exchange.response;
  tracked[begun] = ((tracked[begun] ?? 0) + 1) | 0;
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

/** From here on `socket` speaks another protocol, which has limits of its own. */
export function leaveHttp(socket: Socket): void {
  (socket as Tracked)[left] = true;
}

/** True after `leaveHttp`. */
export function hasLeftHttp(socket: Socket): boolean {
  return (socket as Tracked)[left] === true;
}

/** A number that differs from what it was when exchanges have begun on `socket` since. */
export function begunExchanges(socket: Socket): number {
  return (socket as Tracked)[begun] ?? 0;
}

/** True while an exchange of `socket` is not over: its headers are in. */
export function hasOpenExchange(socket: Socket): boolean {
  return ((socket as Tracked)[open]?.length ?? 0) > 0;
}

/** The exchange of `socket` that is not over and whose body is still on its way. */
export function arrivingExchange(socket: Socket): Exchange | undefined {
  // Bodies come one after the other, so it is the last one or none.
  const exchange = (socket as Tracked)[open]?.at(-1);
  return exchange?.request.isBodyRead === false ? exchange : undefined;
}

/**
 * The last response of `socket` while it owes something: a reply that is not all sent, or a body
 * that is not all read. One that owes nothing is let go, so an idle connection holds no memory.
 */
export function owedResponse(socket: Socket): ReplyResponse | undefined {
  const tracked = socket as Tracked;
  const response = tracked[last];
  if (response === undefined) return undefined;
  const isRead = !(response.req instanceof BodyRequest) || response.req.isBodyRead;
  if (!isRead || !response.isSent) return response;
  tracked[last] = undefined;
  return undefined;
}

function tellAll(this: Tracked): void {
  connectionClosed(this);
  for (const exchange of [...(this[open] ?? [])]) exchange.callerLeft();
}
