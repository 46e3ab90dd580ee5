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

/** What is known of one connection. */
class Connection {
  /** Exchanges that are not over, in the order of their requests. */
  readonly open: Exchange[] = [];
  last: ReplyResponse | undefined;
  /** How many have begun on it; wraps round. */
  begun = 0;
  /** It speaks another protocol now. */
  hasLeft = false;
}

const known = Symbol("what is known of the connection");

interface Tracked extends Socket {
  [known]?: Connection;
}

function connectionOf(socket: Socket): Connection {
  const tracked = socket as Tracked;
  const connection = tracked[known];
  if (connection !== undefined) return connection;
  const made = new Connection();
  tracked[known] = made;
  socket.once("close", tellAll);
  return made;
}

/** Notes that `exchange` is under way on `socket`. */
export function openExchange(socket: Socket, exchange: Exchange, response: ReplyResponse): void {
  const connection = connectionOf(socket);
  connection.last = response;
  connection.begun = (connection.begun + 1) | 0;
  connection.open.push(exchange);
}

/** Notes that `exchange` is over. */
export function closeExchange(socket: Socket, exchange: Exchange): void {
  const open = (socket as Tracked)[known]?.open;
  if (open === undefined) return;
  if (open[open.length - 1] === exchange) {
    open.pop();
    return;
  }
  const index = open.indexOf(exchange);
  if (index !== -1) open.splice(index, 1);
}

/** From here on `socket` speaks another protocol, which has limits of its own. */
export function leaveHttp(socket: Socket): void {
  connectionOf(socket).hasLeft = true;
}

/** True after `leaveHttp`. */
export function hasLeftHttp(socket: Socket): boolean {
  return (socket as Tracked)[known]?.hasLeft === true;
}

/** A number that differs from what it was when exchanges have begun on `socket` since. */
export function begunExchanges(socket: Socket): number {
  return (socket as Tracked)[known]?.begun ?? 0;
}

/** True while an exchange of `socket` is not over: its headers are in. */
export function hasOpenExchange(socket: Socket): boolean {
  return ((socket as Tracked)[known]?.open.length ?? 0) > 0;
}

/** The exchange of `socket` that is not over and whose body is still on its way. */
export function arrivingExchange(socket: Socket): Exchange | undefined {
  // Bodies come one after the other, so it is the last one or none.
  const exchange = (socket as Tracked)[known]?.open.at(-1);
  return exchange?.request.isBodyRead === false ? exchange : undefined;
}

/**
 * The last response of `socket` while it owes something: a reply that is not all sent, or a body
 * that is not all read. One that owes nothing is let go, so an idle connection holds no memory.
 */
export function owedResponse(socket: Socket): ReplyResponse | undefined {
  const connection = (socket as Tracked)[known];
  const response = connection?.last;
  if (connection === undefined || response === undefined) return undefined;
  const isRead = !(response.req instanceof BodyRequest) || response.req.isBodyRead;
  if (!isRead || !response.isSent) return response;
  connection.last = undefined;
  return undefined;
}

function tellAll(this: Tracked): void {
  connectionClosed(this);
  for (const exchange of [...(this[known]?.open ?? [])]) exchange.callerLeft();
}
