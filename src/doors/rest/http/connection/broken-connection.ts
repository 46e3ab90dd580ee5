/**
 * The end of a connection whose next request cannot be read.
 *
 * Answers go out in the order of the requests, so an error has its place behind all that is owed:
 * a request whose own body broke is answered in its turn; a broken head behind an unfinished reply
 * is not answered at all, that reply becomes the last; only where nothing is owed does the error go
 * to the bare socket. Then the connection closes for writing first and altogether a little later:
 * closing on unread bytes would reset it, and the caller would lose the answer.
 */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type Clock, errorTable, ServingError } from "../../../../base/index.ts";
import { errorBody } from "../error-body.ts";
import type { ReplyResponse } from "../reply-response.ts";
import { arrivingExchange, owedResponse } from "./open-exchanges.ts";

const broken = Symbol("broken");

interface BrokenSocket extends Socket {
  [broken]?: true;
}

/** Node's mark of the response after which a connection ends. */
interface LastField {
  _last: boolean;
}

/** Node's word for headers or a body that came too slowly. */
const slowCode = "ERR_HTTP_REQUEST_TIMEOUT";
/** Its parser's word for headers over their limit. */
const overflowCode = "HPE_HEADER_OVERFLOW";

/** How long a caller may take to see that the connection has ended, ms. */
const lingerMs = 2_000;

export interface Break {
  readonly clock: Clock;
  readonly error: ServingError;
  /** For an answer to a request whose own name is not known. */
  requestId(): string;
}

/** Headers or a body were not in within their time. */
export function slowError(): ServingError {
  return new ServingError("REQUEST_TIMEOUT", "headers or body came too slowly");
}

/** What the parser of Node refused, in our words. */
export function brokenError({ code }: NodeJS.ErrnoException): ServingError {
  if (code === slowCode) return slowError();
  if (code === overflowCode) {
    return new ServingError("HEADER_TOO_LARGE", "the headers are over the limit");
  }
  return new ServingError("INVALID_REQUEST", "this is not HTTP/1.1 as this server reads it");
}

/** True once `endBroken` was called. */
export function isBroken(socket: Socket): boolean {
  return (socket as BrokenSocket)[broken] === true;
}

/** Answers what broke where that is possible, lets earlier replies out and ends the connection. */
export function endBroken(socket: Socket, { clock, error, requestId }: Break): void {
  (socket as BrokenSocket)[broken] = true;
  const close = (text?: string): void => linger(socket, clock, text);
  const last = owedResponse(socket);
  const exchange = arrivingExchange(socket);
  if (!socket.writable) close();
  else if (exchange !== undefined && !exchange.isAnswered) {
    exchange.response.shouldKeepAlive = false;
    exchange.dialect = "plain";
    exchange.fail(error);
    // It may have left at once.
    if (exchange.response.isSent) close();
    else socket.destroySoon = close;
  } else if (last !== undefined) endAfter(socket, last, close);
  else close(errorReply(error, requestId()));
}

function endAfter(socket: Socket, last: ReplyResponse, close: () => void): void {
  last.shouldKeepAlive = false;
  (last as ServerResponse as ServerResponse & LastField)._last = true;
  socket.destroySoon = close;
  if (last.isSent) close();
  else socket.pause();
}

function linger(socket: Socket, clock: Clock, text = ""): void {
  const destroyLater = (): void => {
    clock.after(lingerMs, () => socket.destroy());
  };
  if (text === "") socket.end(destroyLater);
  else socket.end(text, destroyLater);
  socket.resume();
}

function errorReply(error: ServingError, requestId: string): string {
  const body = errorBody(error, requestId, "plain");
  const status = errorTable[error.code].http;
  const retry = status === 503 ? `retry-after: ${error.retryAfterS ?? 1}\r\n` : "";
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nconnection: close\r\n` +
    `content-type: application/json\r\nx-request-id: ${requestId}\r\n` +
    `x-error-code: ${error.code}\r\n${retry}` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
