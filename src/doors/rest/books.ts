/**
 * The books of the REST door: what each request ended with, counted in one place.
 *
 * On its version when it reached one, else among the unresolved, and by the limit that ended it;
 * faults of ours and of the engine are logged with their cause. The messages of a WebSocket are
 * requests like those of HTTP, under a door of their own.
 */
import type { ErrorCode, LimitName, ServingError } from "../../base/index.ts";
import { type Door, type Log, RepeatGate } from "../../observe/index.ts";
import type { ServedVersion, Service } from "../../service/index.ts";
import type { Call } from "./call.ts";
import type { Exchange } from "./http/exchange.ts";

export interface End {
  readonly code: ErrorCode | "OK";
  readonly error: ServingError | undefined;
}

/** Where a request came in, for the log. */
export interface Entrance {
  readonly door: Door;
  readonly path: string | undefined;
}

export class Books {
  readonly #service: Service;
  readonly #log: Log;
  readonly #gate = new RepeatGate();
  /** The log's level never changes, so it is asked once. */
  readonly #isDebug: boolean;

  constructor(service: Service, log: Log) {
    this.#service = service;
    this.#log = log;
    this.#isDebug = log.isDebug;
  }

  /** An exchange is over. */
  exchange(exchange: Exchange, { code, error }: End): void {
    const { served, times, items } = exchange;
    if (served !== undefined) {
      const nowMs = exchange.writtenAtMs === 0 ? this.#service.clock.nowMs() : exchange.writtenAtMs;
      const done = { door: "rest", outcome: code, items, times, endedAtMs: nowMs } as const;
      served.metrics.requestDone(done);
    } else if (code !== "OK") this.#service.metrics.unresolved.add("rest", code);
    if (this.#isDebug) this.#access(exchange, code);
    if (error !== undefined) {
      this.failed(exchange, error, { door: "rest", path: exchange.request.url });
    }
  }

  /** A message of a socket is over. */
  message(call: Call, { code, error }: End, entrance: Entrance): void {
    const { served, times, items } = call;
    if (served !== undefined) {
      const endedAtMs = this.#service.clock.nowMs();
      const { door } = entrance;
      served.metrics.requestDone({ door, outcome: code, items, times, endedAtMs });
    } else if (code !== "OK") this.#service.metrics.unresolved.add(entrance.door, code);
    if (error !== undefined) this.failed(call, error, entrance);
  }

  /** Counts the limit behind an error and logs it. */
  failed(call: Call | undefined, error: ServingError, { path }: Entrance): void {
    const service = this.#service;
    const limit = error.limit ?? (call === undefined ? undefined : limitOfDeadline(call, error));
    if (limit !== undefined) service.metrics.limitHits.add(limit);
    const suppressed = this.#gate.pass(error.code, service.clock.nowMs());
    if (suppressed === undefined) return;
    this.#log.requestFailed(error, {
      ...(suppressed === 0 ? {} : { suppressed_lines: suppressed }),
      request_id: call?.requestId,
      path,
      model: call?.served?.model,
      version: call?.served?.version,
    });
  }

  /** One line for each request, whatever its end. */
  #access({ request, response, served, times, requestId }: Exchange, code: End["code"]): void {
    const tookMs = this.#service.clock.nowMs() - times.arrivedAtMs;
    this.#log.debug("request", {
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
}

/** A deadline that nobody sent is a limit of ours. */
function limitOfDeadline(call: Call, error: ServingError): LimitName | undefined {
  if (error.code !== "DEADLINE_EXCEEDED" || call.served === undefined) return undefined;
  const allowedMs = call.deadlineAtMs - call.times.arrivedAtMs;
  const isOurs = call.headers.timeoutMs === "" && isNear(allowedMs, call.served);
  return isOurs ? "deadlineMsDefault" : undefined;
}

/** The two instants are sums of floats: half a ms is no difference. */
function isNear(allowedMs: number, { deadlineMsDefault }: ServedVersion): boolean {
  return Math.abs(allowedMs - deadlineMsDefault) < 0.5;
}
