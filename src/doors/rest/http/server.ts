/**
 * The HTTP server under the REST door.
 *
 * Reads requests, finds their route, collects their body and calls it; knows nothing of models.
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
  ServingError,
} from "../../../base/index.ts";
import type { ServerMetrics } from "../../../observe/index.ts";
import { BodyRequest } from "./body-request.ts";
import { brokenError, endBroken, isBroken, slowError } from "./connection/broken-connection.ts";
import { type Listeners, openListeners } from "./connection/listeners.ts";
import { arrivingExchange, closeExchange, openExchange } from "./connection/open-exchanges.ts";
import { cutQuiet, watchBodies } from "./connection/quiet-connection.ts";
import { decodeBody } from "./content-encoding.ts";
import { Exchange, type ExchangeSettings } from "./exchange.ts";
import { type RequestHeaders, scanHeaders } from "./header-scan.ts";
import { originForm, type Route, Router } from "./router.ts";

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly listenSockets: number;
  readonly limits: Limits;
  readonly validationStatus: 400 | 422;
  readonly routes: readonly Route[];
  readonly clock: Clock;
  readonly counts: ServerMetrics["http"];
  /** How long a connection may be idle, ms; Node allows it a second more. */
  readonly keepAliveMs?: number;
  /** Throws the error that refuses everything just now (draining), or returns. */
  admit(route: Route): void;
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
  const router = new Router(options.routes);
  const nextRequestId = makeRequestIds();
  const state = newState();
  const settings: ExchangeSettings = {
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
  const server = createNodeServer(limits, keepAliveMs);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (!(request instanceof BodyRequest)) throw new TypeError("another request class was used");
    const headers = scanHeaders(request.rawHeaders);
    const requestId = nextRequestId(headers.requestId);
    const exchange = new Exchange(request, response, { settings, headers, requestId });
    openExchange(request.socket, exchange);
    if (state.isClosing) response.shouldKeepAlive = false;
    try {
      begin(exchange, { router, options, headers, state });
    } catch (thrown) {
      exchange.fail(thrown);
    }
  });
  server.on("timeout", (socket: Socket) => {
    if (cutQuiet(socket)) options.limitHit("replyReadMsMax");
  });
  state.breakOff = (socket, error) => {
    if (isBroken(socket)) return;
    countBreak(options, socket, error);
    endBroken(socket, { clock, error, requestId: () => nextRequestId("") });
  };
  server.on("clientError", (thrown: NodeJS.ErrnoException, socket: Socket) => {
    if (thrown.code === "ECONNRESET") socket.destroy();
    else state.breakOff(socket, brokenError(thrown));
  });
  const listeners = await openListeners(server, {
    host: options.host,
    port: options.port,
    sockets: options.listenSockets,
    connectionsMax: limits.connectionsMax,
    refused: () => options.limitHit("connectionsMax"),
  });
  state.stopWatch = watchBodies({
    sockets: listeners.sockets,
    clock,
    bodyReadMsMax: limits.bodyReadMsMax,
    late: (socket) => state.breakOff(socket, slowError()),
  });
  return asHttpServer(server, listeners, state);
}

function createNodeServer(limits: Limits, keepAliveMs: number): Server {
  const server = createServer({
    // The parser calls `push` on whatever class stands here; the listener gets it back as ours.
    IncomingMessage: BodyRequest as typeof IncomingMessage,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersReadMsMax,
    // For bodies that no exchange waits for; the others are watched.
    requestTimeout: limits.headersReadMsMax + limits.bodyReadMsMax,
    connectionsCheckingInterval: Math.min(1_000, limits.headersReadMsMax),
    keepAliveTimeout: keepAliveMs,
    noDelay: true,
  });
  server.timeout = limits.replyReadMsMax;
  return server;
}

interface ServerState {
  isClosing: boolean;
  openWork: number;
  stopWatch(): void;
  breakOff(socket: Socket, error: ServingError): void;
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

interface Begin {
  readonly router: Router;
  readonly options: HttpServerOptions;
  readonly headers: RequestHeaders;
  readonly state: ServerState;
}

/** Finds the route and asks for the body. Throws what refuses the request before that. */
function begin(exchange: Exchange, { router, options, headers, state }: Begin): void {
  const { limits } = options;
  if (exchange.request.httpVersionMajor !== 1) {
    throw new ServingError("INVALID_REQUEST", "expected HTTP/1.0 or HTTP/1.1");
  }
  const url = originForm(exchange.request.url ?? "/");
  const question = url.indexOf("?");
  const path = question === -1 ? url : url.slice(0, question);
  if (question !== -1) exchange.queryText = url.slice(question + 1);
  if (url.length > limits.urlBytesMax) {
    const message = `the URL has ${url.length} bytes; the limit is ${limits.urlBytesMax}`;
    throw new ServingError("URI_TOO_LONG", message, { limit: "urlBytesMax" });
  }
  const found = router.find(exchange.request.method ?? "GET", path);
  exchange.dialect = found.route.dialect;
  exchange.parameters = found.parameters;
  options.admit(found.route);
  if (found.route.body === "none") {
    run(exchange, found.route);
    return;
  }
  exchange.isWork = true;
  state.openWork += 1;
  setDeadline(exchange, limits);
  const isBinary = found.route.body === "tensors" && isBinaryBody(headers);
  const bytesLimit = isBinary ? "binaryBodyBytesMax" : "jsonBodyBytesMax";
  const bytesMax = limits[bytesLimit];
  const declaredBytes = headers.contentLength === "" ? 0 : Number(headers.contentLength);
  // A header that is no number is refused by the route; here it only moves nothing.
  const tensorsFrom = isBinary ? Number.parseInt(headers.inferenceHeaderLength, 10) || 0 : 0;
  const bodyLimits = { bytesMax, bytesLimit, declaredBytes, tensorsFrom } as const;
  exchange.request.readBody(bodyLimits, (body, error) => {
    if (error !== undefined) exchange.fail(error);
    else if (headers.contentEncoding === "") {
      options.counts.requestBytes.record(body.length);
      exchange.body = body;
      run(exchange, found.route);
    } else {
      const ratioMax = limits.inflateRatioMax;
      const encoding = headers.contentEncoding;
      const decoding = decodeBody(body, { encoding, bytesMax, bytesLimit, ratioMax });
      decoding.then(
        (inflated) => {
          options.counts.requestBytes.record(inflated.length);
          exchange.body = inflated;
          run(exchange, found.route);
        },
        (thrown: unknown) => exchange.fail(thrown),
      );
    }
  });
}

function isBinaryBody(headers: RequestHeaders): boolean {
  return (
    headers.inferenceHeaderLength !== "" ||
    headers.contentType.startsWith("application/octet-stream") ||
    headers.contentType.startsWith("application/vnd.")
  );
}

/** The caller's time: the header's, cut to the limit; else the default. */
function setDeadline(exchange: Exchange, limits: Limits): void {
  const text = exchange.headers.timeoutMs;
  let allowedMs: number = Number.POSITIVE_INFINITY;
  if (text !== "") {
    allowedMs = Number(text);
    if (!Number.isFinite(allowedMs) || allowedMs < 0) {
      const message = "header 'x-request-timeout-ms': expected a number of ms >= 0";
      throw new ServingError("INVALID_REQUEST", message, { field: "x-request-timeout-ms" });
    }
    allowedMs = Math.min(allowedMs, limits.deadlineMsMax);
  }
  exchange.deadlineAtMs = exchange.times.arrivedAtMs + allowedMs;
  const priority = exchange.headers.priority;
  if (priority !== "") {
    exchange.priority = Number(priority);
    if (!Number.isInteger(exchange.priority) || exchange.priority < 0) {
      const message = "header 'x-request-priority': expected a whole number >= 0";
      throw new ServingError("INVALID_REQUEST", message, { field: "x-request-priority" });
    }
  }
}

function run(exchange: Exchange, route: Route): void {
  try {
    const pending = route.handle(exchange);
    if (pending !== undefined) pending.then(undefined, (thrown) => exchange.fail(thrown));
  } catch (thrown) {
    exchange.fail(thrown);
  }
}

/** Limits that end a connection and not an exchange. */
function countBreak(options: HttpServerOptions, socket: Socket, { code }: ServingError): void {
  if (code === "REQUEST_TIMEOUT") {
    options.counts.slowClosed += 1;
    const isInBody = arrivingExchange(socket) !== undefined;
    options.limitHit(isInBody ? "bodyReadMsMax" : "headersReadMsMax");
  } else if (code === "HEADER_TOO_LARGE") options.limitHit("headerBytesMax");
}
