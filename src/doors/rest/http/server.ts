/**
 * The HTTP server under the REST door.
 *
 * Reads requests and makes exchanges of them; knows nothing of models.
 * The stock parser of `node:http` does the parsing (it refuses smuggling, obsolete folding and
 * headers over the limit by itself); what is ours is the body collection and the reply head,
 * because that is where the time went. Its own time limits cut slow headers and slow bodies.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import {
  type Clock,
  type ErrorCode,
  type LimitName,
  type Limits,
  makeRequestIds,
  type ServingError,
} from "../../../base/index.ts";
import type { ServerMetrics } from "../../../observe/index.ts";
import type { PortSharing, TlsParts, UnreadReplies } from "../../../transport/index.ts";
import { Http2Connections } from "../http2/connections.ts";
import { isPreface, takeFromParser } from "../http2/preface.ts";
import { type Begin, begin } from "./begin.ts";
import { BodyRequest } from "./body-request.ts";
import type { ExchangeRequest, Reply } from "./carrier.ts";
import { brokenError, endBroken, isBroken, slowError } from "./connection/broken-connection.ts";
import { type Listeners, type ListenersOptions, openListeners } from "./connection/listeners.ts";
import { createNodeServer } from "./connection/node-server.ts";
import { arrivingExchange, closeExchange, openExchange } from "./connection/open-exchanges.ts";
import { type LateLimit, watchConnections } from "./connection/quiet-connection.ts";
import { Exchange, type ExchangeSettings } from "./exchange.ts";
import { scanHeaders } from "./header-scan.ts";
import { ReplyResponse } from "./reply-response.ts";
import { type Route, Router } from "./router.ts";
import { hearUpgrades, type UpgradeRules } from "./upgrade.ts";

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly listenSockets: number;
  /** Set where several fronts listen on the port. */
  readonly sharing?: PortSharing | undefined;
  /** A Unix socket beside the port; none or "" for the port alone. */
  readonly unixSocket?: string;
  /** Callers have to speak TLS; none for cleartext. */
  readonly tls?: TlsParts | undefined;
  readonly limits: Limits;
  /** Where what waits for its reader is counted. */
  readonly unread: UnreadReplies;
  readonly validationStatus: 400 | 422;
  readonly routes: readonly Route[];
  readonly clock: Clock;
  readonly counts: ServerMetrics["http"];
  /** How long a connection may be idle, ms; it ends up to a second later. */
  readonly keepAliveMs?: number;
  /** Looks at an exchange before its route; true when it is answered. */
  readonly arrived?: ((exchange: Exchange) => boolean) | undefined;
  /** Throws the error that refuses everything just now (draining), or returns. */
  admit(route: Route): void;
  /** Takes a request for a WebSocket over; without it there are none. */
  readonly upgrade?: UpgradeRules["upgrade"];
  finished(exchange: Exchange, code: ErrorCode | "OK", error: ServingError | undefined): void;
  /** A connection hit a limit, and no exchange tells so. */
  limitHit(name: LimitName): void;
}

export interface HttpServer {
  readonly port: number;
  readonly connections: number;
  /** Connections whose reader has not yet taken all that was written. */
  readonly unsentConnections: number;
  /** Requests with a body that were let in and are not over, from the end of their headers. */
  readonly openWork: number;
  /** From now on replies close their connection. */
  announceClose(): void;
  /** Refuses the requests whose bodies are still arriving, and ends their connections. */
  refuseArriving(error: ServingError): void;
  /** Stops accepting and ends idle connections. */
  stop(): void;
  /** Ends every connection. */
  destroy(): void;
}

const keepAliveMsDefault = 65_000;

/** Starts listening; `port` 0 picks a free one. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { limits, clock, keepAliveMs = keepAliveMsDefault } = options;
  const nextRequestId = makeRequestIds();
  const state = newState();
  const rules = rulesOf(options, state);
  const settings = settingsOf(options, state, keepAliveMs);
  const newExchange = (request: ExchangeRequest, response: Reply): Exchange => {
    const headers = scanHeaders(request.rawHeaders);
    const requestId = nextRequestId(headers.requestId);
    return new Exchange(request, response, { settings, headers, requestId });
  };
  const start = (exchange: Exchange): void => {
    try {
      if (options.arrived?.(exchange) === true) return;
      begin(exchange, rules);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  };
  const http2 = new Http2Connections({ ...options, keepAliveMs, newExchange, begin: start });
  const takeHttp2 = (socket: Socket): void => http2.take(socket);
  const { server, secured } = createNodeServer({ ...options, takeHttp2 });
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    if (!(request instanceof BodyRequest) || !(response instanceof ReplyResponse)) {
      throw new TypeError("another class of requests or responses was used");
    }
    const exchange = newExchange(request, response);
    openExchange(request.socket, exchange, response);
    if (state.isClosing) response.shouldKeepAlive = false;
    start(exchange);
  };
  server.on("request", take);
  // An expectation that nobody knows may be left alone (RFC 9110, 10.1.1).
  server.on("checkExpectation", take);
  state.breakOff = (socket, error, limit) => {
    if (isBroken(socket)) return;
    const isInBody = arrivingExchange(socket) !== undefined;
    countBreak(options, error, limit ?? (isInBody ? "bodyReadMsMax" : "headersReadMsMax"));
    endBroken(socket, { clock, error, requestId: () => nextRequestId("") });
  };
  hearFaults(server, state, http2);
  hearUpgrades(server, { clock, upgrade: options.upgrade, requestId: nextRequestId });
  const listeners = await openListeners(server, listenersOf(options));
  const sockets = secured ?? listeners.sockets;
  state.stopWatch = watchConnections({
    sockets,
    clock,
    limits,
    keepAliveMs,
    late: (socket, limit) => state.breakOff(socket, slowError(), limit),
    unread(socket) {
      options.limitHit("replyReadMsMax");
      socket.destroy();
    },
  });
  return asHttpServer({ server, listeners, sockets, http2, state });
}

function listenersOf(options: HttpServerOptions): ListenersOptions {
  const { host, port, listenSockets, sharing, unixSocket, limits } = options;
  return {
    ...{ host, port, sockets: listenSockets, sharing, connectionsMax: limits.connectionsMax },
    ...(unixSocket === undefined ? {} : { unixSocket }),
    refused: () => options.limitHit("connectionsMax"),
  };
}

function rulesOf(options: HttpServerOptions, state: ServerState): Begin {
  return {
    router: new Router(options.routes),
    limits: options.limits,
    counts: options.counts,
    admit: options.admit,
    workBegan: () => {
      state.openWork += 1;
    },
  };
}

function settingsOf(
  options: HttpServerOptions,
  state: ServerState,
  keepAliveMs: number,
): ExchangeSettings {
  const { clock } = options;
  return {
    keepAliveS: keepAliveMs / 1000,
    validationStatus: options.validationStatus,
    unread: options.unread,
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    finished(exchange, code, error) {
      closeExchange(exchange.request.socket, exchange);
      if (exchange.isWork) state.openWork -= 1;
      options.finished(exchange, code, error);
    },
  };
}

/** What the parser of Node could not read ends its connection. */
function hearFaults(server: Server, state: ServerState, http2: Http2Connections): void {
  server.on("clientError", (thrown: NodeJS.ErrnoException, socket: Socket) => {
    if (thrown.code === "ECONNRESET") socket.destroy();
    else if (isPreface(thrown, socket)) {
      takeFromParser(thrown, socket);
      http2.take(socket);
    } else state.breakOff(socket, brokenError(thrown));
  });
}

interface ServerState {
  isClosing: boolean;
  openWork: number;
  stopWatch(): void;
  /** @param limit the one that a slow caller hit, when it is not that of the headers */
  breakOff(socket: Socket, error: ServingError, limit?: LateLimit): void;
}

function newState(): ServerState {
  return { isClosing: false, openWork: 0, stopWatch: () => {}, breakOff: () => {} };
}

interface ServerParts {
  readonly server: Server;
  readonly listeners: Listeners;
  /** Connections on which requests may come. */
  readonly sockets: ReadonlySet<Socket>;
  readonly http2: Http2Connections;
  readonly state: ServerState;
}

function asHttpServer({ server, listeners, sockets, http2, state }: ServerParts): HttpServer {
  return {
    port: listeners.port,
    get connections() {
      return listeners.sockets.size;
    },
    get unsentConnections() {
      return listeners.unsentConnections + http2.unsentReplies;
    },
    get openWork() {
      return state.openWork;
    },
    announceClose() {
      state.isClosing = true;
      http2.announceClose();
    },
    refuseArriving(error) {
      for (const socket of sockets) {
        if (arrivingExchange(socket) !== undefined) state.breakOff(socket, error);
      }
      http2.refuseArriving(error);
    },
    stop() {
      state.isClosing = true;
      listeners.stop();
      server.closeIdleConnections();
      http2.stop();
    },
    destroy() {
      state.stopWatch();
      http2.destroy();
      listeners.stop();
      listeners.destroyConnections();
    },
  };
}

/** Limits that end a connection and not an exchange. */
function countBreak(options: HttpServerOptions, { code }: ServingError, limit: LimitName): void {
  if (code === "REQUEST_TIMEOUT") {
    options.counts.slowClosed += 1;
    options.limitHit(limit);
  } else if (code === "HEADER_TOO_LARGE") options.limitHit("headerBytesMax");
}
