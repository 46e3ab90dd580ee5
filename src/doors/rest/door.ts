/**
 * The REST door as a whole: its routes, its books, its parsing thread.
 */
import type { Clock, ErrorCode } from "../../base/index.ts";
import type { Log, ProcessUsage } from "../../observe/index.ts";
import { Books, type Service } from "../../service/index.ts";
import { documentRoutes } from "./documents/routes.ts";
import type { Exchange } from "./http/exchange.ts";
import { type HttpServer, startHttpServer } from "./http/server.ts";
import { oipRoutes } from "./oip/routes.ts";
import { healthRoutes } from "./operations/health-routes.ts";
import { metricRoutes } from "./operations/metric-routes.ts";
import { modelRoutes } from "./operations/model-routes.ts";
import { createParseThread } from "./simple/parse-thread.ts";
import { simpleRoutes } from "./simple/routes.ts";

export interface RestDoorOptions {
  readonly service: Service;
  readonly clock: Clock;
  readonly log: Log;
  readonly usage: ProcessUsage;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Listening sockets on the port, 1 to 64. */
  readonly listenSockets: number;
  readonly validationStatus: 400 | 422;
  readonly metricsDefault: "text" | "json";
  readonly serverName: string;
  readonly serverVersion: string;
  readonly hasDocs: boolean;
}

export interface RestDoor extends HttpServer {
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
  const routes = [
    ...simpleRoutes(service, thread),
    ...oipRoutes({ ...options, thread }),
    ...modelRoutes(service),
    ...healthRoutes(service),
    ...metricRoutes(options),
    ...(options.hasDocs ? documentRoutes(service, options.serverVersion) : []),
  ];
  const server = await startHttpServer({
    host: options.host,
    port: options.port,
    listenSockets: options.listenSockets,
    limits: service.limits,
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
    limitHit: (name) => service.metrics.limitHits.add(name),
  });
  service.metrics.http.connections = () => server.connections;
  return Object.assign(Object.create(server) as HttpServer, {
    async close() {
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
