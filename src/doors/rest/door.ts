/**
 * The REST door as a whole: its routes, its books, its parsing thread.
 *
 * What an exchange ends with is counted here, in one place: on its version when it reached one,
 * else among the unresolved, and by the limit that ended it; faults of ours and of the engine are
 * logged with their cause.
 */
import type { Clock, ErrorCode, LimitName, ServingError } from "../../base/index.ts";
import { type Log, type ProcessUsage, RepeatGate } from "../../observe/index.ts";
import type { ServedVersion, Service } from "../../service/index.ts";
import { documentRoutes } from "./documents/routes.ts";
import type { Exchange } from "./http/exchange.ts";
import { type HttpServer, startHttpServer } from "./http/server.ts";
import { oipRoutes } from "./oip/routes.ts";
import { healthRoutes } from "./operations/health-routes.ts";
import { metricRoutes } from "./operations/metric-routes.ts";
import { modelRoutes } from "./operations/model-routes.ts";
import { createParseThread } from "./simple/parse-thread.ts";
import { simpleRoutes } from "./simple/routes.ts";
import { streamRoutes } from "./streams/routes.ts";

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
  const books = { service, log, gate: new RepeatGate(), isDebug: log.isDebug };
  const thread = createParseThread();
  const routes = [
    ...simpleRoutes(service, thread),
    ...streamRoutes(service, thread),
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
    finished: (exchange, code, error) => book(books, exchange, { code, error }),
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

interface Books {
  readonly service: Service;
  readonly log: Log;
  readonly gate: RepeatGate;
  /** The log's level never changes, so it is asked once. */
  readonly isDebug: boolean;
}

interface End {
  readonly code: ErrorCode | "OK";
  readonly error: ServingError | undefined;
}

function book(books: Books, exchange: Exchange, { code, error }: End): void {
  const { service, log, gate } = books;
  const { served, times, items } = exchange;
  if (served !== undefined) {
    const endedAtMs = exchange.writtenAtMs === 0 ? service.clock.nowMs() : exchange.writtenAtMs;
    served.metrics.requestDone({ door: "rest", outcome: code, items, times, endedAtMs });
  } else if (code !== "OK") service.metrics.unresolved.add("rest", code);
  if (books.isDebug) logAccess(books, exchange, code);
  if (error === undefined) return;
  const limit = error.limit ?? limitOfDeadline(exchange, error);
  if (limit !== undefined) service.metrics.limitHits.add(limit);
  const suppressed = gate.pass(error.code, service.clock.nowMs());
  if (suppressed === undefined) return;
  log.requestFailed(error, {
    ...(suppressed === 0 ? {} : { suppressed_lines: suppressed }),
    request_id: exchange.requestId,
    path: exchange.request.url,
    model: served?.model,
    version: served?.version,
  });
}

/** A deadline that nobody sent is a limit of ours. */
function limitOfDeadline(exchange: Exchange, error: ServingError): LimitName | undefined {
  if (error.code !== "DEADLINE_EXCEEDED" || exchange.served === undefined) return undefined;
  const allowedMs = exchange.deadlineAtMs - exchange.times.arrivedAtMs;
  const isOurs = exchange.headers.timeoutMs === "" && isNear(allowedMs, exchange.served);
  return isOurs ? "deadlineMsDefault" : undefined;
}

/** The two instants are sums of floats: half a ms is no difference. */
function isNear(allowedMs: number, { deadlineMsDefault }: ServedVersion): boolean {
  return Math.abs(allowedMs - deadlineMsDefault) < 0.5;
}

/** One line for each request, whatever its end. */
function logAccess({ service, log }: Books, exchange: Exchange, code: ErrorCode | "OK"): void {
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
