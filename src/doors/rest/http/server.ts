/**
 * The HTTP server under the REST door.
 *
 * Reads requests and makes exchanges of them; knows nothing of models.
 * The stock parser of `node:http` does the parsing (it refuses smuggling, obsolete folding and
 * headers over the limit by itself); what is ours is the body collection and the reply head,
 * because that is where the time went. Its own time limits cut slow headers and slow bodies.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
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
import type { PortSharing } from "../../../service/index.ts";
import { type Begin, begin } from "./begin.ts";
import { BodyRequest } from "./body-request.ts";
import { brokenError, endBroken, isBroken, slowError } from "./connection/broken-connection.ts";
import { type Listeners, openListeners } from "./connection/listeners.ts";
import { arrivingExchange, closeExchange, openExchange } from "./connection/open-exchanges.ts";
import { type LateLimit, watchConnections } from "./connection/quiet-connection.ts";
import { Exchange, type ExchangeSettings } from "./exchange.ts";
import { scanHeaders } from "./header-scan.ts";
import { ReplyResponse } from "./reply-response.ts";
import { type Route, Router } from "./router.ts";
import { hearUpgrades, isWebSocket, type UpgradeRules } from "./upgrade.ts";

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly listenSockets: number;
  /** Set where several fronts listen on the port. */
  readonly sharing?: PortSharing | undefined;
  /** A Unix socket beside the port; none or "" for the port alone. */
  readonly unixSocket?: string;
  readonly limits: Limits;
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
  const server = createNodeServer(limits);
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    if (!(request instanceof BodyRequest) || !(response instanceof ReplyResponse)) {
      throw new TypeError("another class of requests or responses was used");
    }
    const headers = scanHeaders(request.rawHeaders);
    const requestId = nextRequestId(headers.requestId);
    const exchange = new Exchange(request, response, { settings, headers, requestId });
    openExchange(request.socket, exchange);
    if (state.isClosing) response.shouldKeepAlive = false;
    try {
      if (options.arrived?.(exchange) === true) return;
      begin(exchange, rules);
    } catch (thrown) {
      exchange.fail(thrown);
    }
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
  hearFaults(server, state);
  hearUpgrades(server, { clock, upgrade: options.upgrade, requestId: nextRequestId });
  const listeners = await openListeners(server, {
    host: options.host,
    port: options.port,
    sockets: options.listenSockets,
    sharing: options.sharing,
    ...(options.unixSocket === undefined ? {} : { unixSocket: options.unixSocket }),
    connectionsMax: limits.connectionsMax,
    refused: () => options.limitHit("connectionsMax"),
  });
  state.stopWatch = watchConnections({
    sockets: listeners.sockets,
    clock,
    limits,
    keepAliveMs,
    late: (socket, limit) => state.breakOff(socket, slowError(), limit),
    unread(socket) {
      options.limitHit("replyReadMsMax");
      socket.destroy();
    },
  });
  return asHttpServer(server, listeners, state);
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
function hearFaults(server: Server, state: ServerState): void {
  server.on("clientError", (thrown: NodeJS.ErrnoException, socket: Socket) => {
    if (thrown.code === "ECONNRESET") socket.destroy();
    else state.breakOff(socket, brokenError(thrown));
  });
}

function createNodeServer(limits: Limits): Server {
  return createServer({
    // The parser calls `push` on whatever class stands here; the listener gets it back as ours.
    IncomingMessage: BodyRequest as typeof IncomingMessage,
    ServerResponse: ReplyResponse as typeof ServerResponse,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersReadMsMax,
    // For bodies that no exchange waits for; the others are watched.
    requestTimeout: limits.headersReadMsMax + limits.bodyReadMsMax,
    connectionsCheckingInterval: Math.min(1_000, limits.headersReadMsMax),
    // Idle connections are watched too: Node would set a timer twice for each request.
    keepAliveTimeout: 0,
    noDelay: true,
    shouldUpgradeCallback: isWebSocket,
    // Asked by `begin`: Node would answer past us.
    requireHostHeader: false,
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

function asHttpServer(server: Server, listeners: Listeners, state: ServerState): HttpServer {
  return {
    port: listeners.port,
    get connections() {
      return listeners.sockets.size;
    },
    get unsentConnections() {
      return listeners.unsentConnections;
    },
    get openWork() {
      return state.openWork;
    },
    announceClose() {
      state.isClosing = true;
    },
    refuseArriving(error) {
      for (const socket of listeners.sockets) {
        if (arrivingExchange(socket) !== undefined) state.breakOff(socket, error);
      }
    },
    stop() {
      state.isClosing = true;
      listeners.stop();
      server.closeIdleConnections();
    },
    destroy() {
      state.stopWatch();
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
