/**
 * The REST door as a whole: its routes, its sockets, its books, its parsing thread.
 */
import type { Clock, CorsSettings, ErrorCode } from "../../base/index.ts";
import type { Log, ProcessUsage } from "../../observe/index.ts";
import { Books, type Service } from "../../service/index.ts";
import type { PortSharing, TlsParts } from "../../transport/index.ts";
import { makeCors } from "./cors.ts";
import { type DialectOptions, dialectRoutes, platformRoutes } from "./dialects.ts";
import { documentRoutes } from "./documents/routes.ts";
import type { Exchange } from "./http/exchange.ts";
import { type HttpServer, startHttpServer } from "./http/server.ts";
import { healthRoutes } from "./operations/health-routes.ts";
import { metricRoutes } from "./operations/metric-routes.ts";
import { createParseThread } from "./simple/parse-thread.ts";
import { Sockets } from "./websocket/sockets.ts";

export interface RestDoorOptions extends Omit<DialectOptions, "thread"> {
  readonly service: Service;
  readonly clock: Clock;
  readonly log: Log;
  readonly usage: ProcessUsage;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Listening sockets on the port, 1 to 64. */
  readonly listenSockets: number;
  /** Set where several fronts listen on the port. */
  readonly sharing?: PortSharing | undefined;
  /** A Unix socket that is listened on too, or "". */
  readonly unixSocket: string;
  /** Callers have to speak TLS; `undefined` for cleartext. */
  readonly tls: TlsParts | undefined;
  readonly cors: CorsSettings;
  readonly validationStatus: 400 | 422;
  readonly metricsDefault: "text" | "json";
  readonly hasDocs: boolean;
}

export interface RestDoor extends HttpServer {
  /** Closes each WebSocket with 1001 once what is under way on it is answered. */
  drainSockets(): void;
  /** Ends connections and the parsing thread. */
  close(): Promise<void>;
}

/** Opens the door. @throws the system's error when the port cannot be had */
export async function startRestDoor(options: RestDoorOptions): Promise<RestDoor> {
  const { service, clock, log } = options;
  const books = new Books(service, log);
  // The log's level never changes, so it is asked once.
  const { isDebug } = log;
  const thread = createParseThread();
  const sockets = new Sockets({ ...options, books, thread, origins: options.cors.origins });
  const dialects = { ...options, thread };
  const hasPage = options.hasDocs && options.dialects.includes("simple");
  const known = [
    ...dialectRoutes(dialects),
    ...healthRoutes(service, hasPage),
    ...metricRoutes(options),
    ...(options.hasDocs ? documentRoutes(options) : []),
  ];
  const routes = [...known, ...platformRoutes(dialects, known)];
  const server = await startHttpServer({
    host: options.host,
    port: options.port,
    listenSockets: options.listenSockets,
    sharing: options.sharing,
    unixSocket: options.unixSocket,
    tls: options.tls,
    arrived: makeCors(options.cors),
    limits: service.limits,
    unread: service.unread,
    validationStatus: options.validationStatus,
    routes,
    clock,
    counts: service.metrics.http,
    admit(route) {
      if (route.body !== "none") service.admit();
    },
    finished(exchange, code, error) {
      books.book(exchange, { door: "rest", path: exchange.request.url ?? "", code, error });
      if (isDebug) logAccess(options, exchange, code);
    },
    upgrade: (upgrade, requestId) => sockets.upgrade(upgrade, requestId),
    limitHit: (name) => service.metrics.limitHits.add(name),
  });
  service.metrics.http.connections = () => server.connections;
  return Object.assign(Object.create(server) as HttpServer, {
    drainSockets: () => sockets.drain(),
    async close() {
      sockets.close();
      server.destroy();
      await thread.close();
    },
  });
}

/** One line for each request, whatever its end. */
function logAccess(
  { service, log }: RestDoorOptions,
  exchange: Exchange,
  code: ErrorCode | "OK",
): void {
  const { request, response, served, times, requestId } = exchange;
  const tookMs = service.clock.nowMs() - times.arrivedAtMs;
  log.debug("request", {
    method: request.method,
    path: request.url,
    status: response.statusCode,
    code,
    took_ms: Math.round(tookMs * 1000) / 1000,
    model: served?.model,
    version: served?.version,
    request_id: requestId,
  });
}
