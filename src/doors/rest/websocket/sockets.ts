/**
 * The WebSockets of the door: which requests become one, and all that are open.
 *
 * What is wrong with a request to open a socket (route, model, parameter, origin, draining) is
 * answered in HTTP, as for any request. Only the limit on streams is told on an open socket, by its
 * close code 1013: a page in a browser cannot read the status of a refused handshake.
 */
import { type Limits, quote, ServingError, type Timer } from "../../../base/index.ts";
import type { Books, Service } from "../../../service/index.ts";
import { type RequestHeaders, rawHeader, scanHeaders } from "../http/header-scan.ts";
import { originForm, type Route, Router } from "../http/router.ts";
import type { Upgrade } from "../http/upgrade.ts";
import type { ParseThread } from "../simple/parse-thread.ts";
import { makeReadBody } from "../simple/read-body.ts";
import { oipMessages, simpleMessages } from "./dialects.ts";
import { isOriginAllowed } from "./origin.ts";
import type { SocketTerms } from "./socket-call.ts";
import { type SocketDialect, SocketSession } from "./socket-session.ts";
import { Handshakes, type SocketConnection, type SocketEvents } from "./ws-connection.ts";

export interface SocketsOptions {
  readonly service: Service;
  readonly books: Books;
  readonly thread: ParseThread;
  /** Origins of pages on other hosts that may open sockets. */
  readonly origins: readonly string[];
  /** The dialects that the listener speaks. */
  readonly dialects: readonly string[];
}

/** A path that can become a socket. */
interface SocketPath {
  readonly dialect: SocketDialect;
  readonly handshakes: Handshakes;
  readonly payloadLimit: "jsonBodyBytesMax" | "wsFrameBytesMax";
  /** True when the path names the model that all messages are for. */
  readonly isOfModel: boolean;
}

/** Between two looks at all sockets, ms. */
const lookMsMax = 1_000;

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #router: Router;
  /** One entry for each route below. */
  readonly #paths = new Map<Route, SocketPath>();
  /** At most `streamsMax`. */
  readonly #open = new Set<SocketSession>();
  #timer: Timer | undefined;

  constructor(options: SocketsOptions) {
    const { service, thread } = options;
    const { limits } = service;
    this.#options = options;
    const ofModel: SocketPath = {
      dialect: oipMessages({ service, threads: thread.threads }),
      handshakes: new Handshakes(limits.wsFrameBytesMax),
      payloadLimit: "wsFrameBytesMax",
      isOfModel: true,
    };
    const isJsonLess = limits.jsonBodyBytesMax < limits.wsFrameBytesMax;
    const payloadLimit = isJsonLess ? "jsonBodyBytesMax" : "wsFrameBytesMax";
    const simple: SocketPath = {
      dialect: simpleMessages(service, makeReadBody(service, thread)),
      handshakes: new Handshakes(limits[payloadLimit]),
      ...{ payloadLimit, isOfModel: false },
    };
    const [predict, model, version] = socketRoutes();
    this.#paths.set(predict, simple).set(model, ofModel).set(version, ofModel);
    const spoken = [predict, model, version].filter(({ dialect }) =>
      options.dialects.includes(dialect),
    );
    this.#router = new Router(spoken);
  }

  /** Opens a socket. @throws what refuses the request before that */
  upgrade(upgrade: Upgrade, requestId: string): void {
    const { books } = this.#options;
    const url = originForm(upgrade.request.url ?? "/");
    try {
      this.#accept(upgrade, url, requestId);
    } catch (thrown) {
      const error = ServingError.from(thrown);
      books.refused({ door: "websocket", path: url }, error);
      throw error;
    }
  }

  /** Ends all sockets when what is under way is answered. */
  drain(): void {
    for (const session of [...this.#open]) session.drain();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #accept(upgrade: Upgrade, url: string, requestId: string): void {
    const { service, origins } = this.#options;
    const { rawHeaders, method } = upgrade.request;
    checkUrl(url, service.limits);
    const question = url.indexOf("?");
    const path = question === -1 ? url : url.slice(0, question);
    const found = this.#router.find(method ?? "GET", path);
    const socketPath = this.#paths.get(found.route);
    if (socketPath === undefined) throw new TypeError("a route has no socket");
    service.admit();
    const [origin, host] = [rawHeader(rawHeaders, "origin"), rawHeader(rawHeaders, "host")];
    if (!isOriginAllowed(origin, host, origins)) {
      const message =
        `origin ${quote(origin)}: pages of other hosts may not open sockets ` +
        "unless cors.origins names theirs";
      throw new ServingError("PERMISSION_DENIED", message, { field: "origin" });
    }
    const queryText = question === -1 ? "" : url.slice(question + 1);
    const query = new URLSearchParams(queryText);
    const headers = scanHeaders(rawHeaders);
    const terms: SocketTerms = {
      ...{ headers, queryText, query, requestId, parameters: found.parameters },
      timeoutMs: timeoutOf(headers, service.limits),
      priority: wholeHeader(headers.priority, "x-request-priority", 0),
    };
    // A name that is unknown now is told now; what it means is asked for each message again.
    if (socketPath.isOfModel) service.find(found.parameters[0] ?? "", found.parameters[1]);
    const isOrdered = orderOf(query);
    socketPath.handshakes.accept(upgrade, (connection) =>
      this.#begin(connection, { socketPath, terms, isOrdered, path }),
    );
  }

  #begin(
    connection: SocketConnection,
    {
      socketPath,
      terms,
      isOrdered,
      path,
    }: {
      readonly socketPath: SocketPath;
      readonly terms: SocketTerms;
      readonly isOrdered: boolean;
      readonly path: string;
    },
  ): SocketEvents {
    const { service, books } = this.#options;
    try {
      const stream = service.streams.enter();
      const leave = stream.leave;
      const { dialect, payloadLimit } = socketPath;
      const options = { service, books, dialect, terms, isOrdered, path, stream, payloadLimit };
      const session = new SocketSession(options, connection);
      stream.leave = () => {
        this.#open.delete(session);
        leave();
      };
      this.#open.add(session);
      this.#watch();
      return session;
    } catch (thrown) {
      const error = ServingError.from(thrown);
      books.refused({ door: "websocket", path }, error);
      connection.close(error.code === "OVERLOADED" ? 1013 : 1011, error.message);
      return deaf;
    }
  }

  /** Looks at all sockets as long as there are any. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const { clock, limits } = this.#options.service;
    const { socketSilentMsMax, replyReadMsMax, bodyReadMsMax } = limits;
    const lookMs = Math.min(lookMsMax, socketSilentMsMax / 6, replyReadMsMax, bodyReadMsMax);
    const look = (): void => {
      for (const session of [...this.#open]) session.look();
      this.#timer = this.#open.size === 0 ? undefined : clock.after(lookMs, look);
    };
    this.#timer = clock.after(lookMs, look);
  }
}

/** A socket that was closed as it opened. */
const deaf: SocketEvents = { message() {}, heard() {}, broken() {}, closed() {} };

/** The paths that become sockets; asked without the handshake they say how. */
export function socketRoutes(): readonly [Route, Route, Route] {
  const handle = (): never => {
    const message = "this path is a WebSocket: expected the header 'upgrade: websocket'";
    throw new ServingError("INVALID_REQUEST", message, { field: "upgrade" });
  };
  const get = { method: "GET", body: "none", handle } as const;
  return [
    { ...get, path: "/predict/ws", dialect: "simple" },
    { ...get, path: "/v2/models/:model/ws", dialect: "oip" },
    { ...get, path: "/v2/models/:model/versions/:version/ws", dialect: "oip" },
  ];
}

function checkUrl(url: string, { urlBytesMax }: Limits): void {
  if (url.length <= urlBytesMax) return;
  const message = `the URL has ${url.length} bytes; the limit is ${urlBytesMax}`;
  throw new ServingError("URI_TOO_LONG", message, { limit: "urlBytesMax" });
}

/** @throws INVALID_REQUEST an order that is none of the two */
function orderOf(query: URLSearchParams): boolean {
  const order = query.get("order") ?? "completed";
  if (order === "completed" || order === "sent") return order === "sent";
  const message = `order: expected 'completed' or 'sent', got ${quote(order)}`;
  throw new ServingError("INVALID_REQUEST", message, { field: "order" });
}

function timeoutOf({ timeoutMs }: RequestHeaders, { deadlineMsMax }: Limits): number {
  if (timeoutMs === "") return Number.POSITIVE_INFINITY;
  const allowedMs = Number(timeoutMs);
  if (Number.isFinite(allowedMs) && allowedMs >= 0) return Math.min(allowedMs, deadlineMsMax);
  const message = "header 'x-request-timeout-ms': expected a number of ms >= 0";
  throw new ServingError("INVALID_REQUEST", message, { field: "x-request-timeout-ms" });
}

function wholeHeader(text: string, field: string, absent: number): number {
  if (text === "") return absent;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  const message = `header '${field}': expected a whole number >= 0`;
  throw new ServingError("INVALID_REQUEST", message, { field });
}
