/**
 * The books of the doors: what every request ended with.
 *
 * Counted in one place, the same for each door: on the version when the request reached one, else
 * among the unresolved, and by the limit that ended it; faults of ours and of the engine are logged
 * with their cause.
 */
import type { ErrorCode, LimitName, ServingError } from "../base/index.ts";
import { type Door, type Log, RepeatGate } from "../observe/index.ts";
import type { StageTimes } from "../predict/index.ts";
import { requestDone, type ServedVersion } from "./served-version.ts";
import type { Service } from "./service.ts";

/** What the books want to know of a request that is over. */
export interface BookedRequest {
  readonly requestId: string;
  /** The version it counts on, once known. */
  readonly served: ServedVersion | undefined;
  readonly items: number;
  readonly times: StageTimes;
  /** When the answer was ready, in ms of the clock; 0 when that was not noted. */
  readonly writtenAtMs: number;
  readonly deadlineAtMs: number;
  /** The caller named a deadline, so it is no limit of ours. */
  readonly hasOwnDeadline: boolean;
}

/** How it ended, and by which way it had come. */
export interface RequestEnd {
  readonly door: Door;
  /** The route or method as the caller named it, for the log. */
  readonly path: string;
  readonly code: ErrorCode | "OK";
  readonly error: ServingError | undefined;
}

export class Books {
  readonly #service: Service;
  readonly #log: Log;
  readonly #gate = new RepeatGate();

  constructor(service: Service, log: Log) {
    this.#service = service;
    this.#log = log;
  }

  /** Counts a request that is over. REQUIRES: once each; `served` was told that it began. */
  book(request: BookedRequest, { door, path, code, error }: RequestEnd): void {
    const { metrics, clock } = this.#service;
    const { served, times, items } = request;
    if (served !== undefined) {
      const endedAtMs = request.writtenAtMs === 0 ? clock.nowMs() : request.writtenAtMs;
      requestDone(served, { door, outcome: code, items, times, endedAtMs });
    } else if (code !== "OK") metrics.unresolved.add(door, code);
    if (error !== undefined) this.#failed(request, error, path);
  }

  /** Counts and logs what was refused before there was a request. */
  refused({ door, path }: Pick<RequestEnd, "door" | "path">, error: ServingError): void {
    this.#service.metrics.unresolved.add(door, error.code);
    this.#failed(undefined, error, path);
  }

  /** Counts the limit behind an error and logs it. */
  #failed(request: BookedRequest | undefined, error: ServingError, path: string): void {
    const { metrics, clock } = this.#service;
    const ofDeadline = request === undefined ? undefined : limitOfDeadline(request, error);
    const limit = error.limit ?? ofDeadline;
    if (limit !== undefined) metrics.limitHits.add(limit);
    const suppressed = this.#gate.pass(error.code, clock.nowMs());
    if (suppressed === undefined) return;
    this.#log.requestFailed(error, {
      ...(suppressed === 0 ? {} : { suppressed_lines: suppressed }),
      request_id: request?.requestId,
      path,
      model: request?.served?.model,
      version: request?.served?.version,
    });
  }
}

/** A deadline that nobody sent is a limit of ours. */
function limitOfDeadline(request: BookedRequest, error: ServingError): LimitName | undefined {
  const { served, hasOwnDeadline } = request;
  if (error.code !== "DEADLINE_EXCEEDED" || served === undefined) return undefined;
  const allowedMs = request.deadlineAtMs - request.times.arrivedAtMs;
  return !hasOwnDeadline && isNear(allowedMs, served) ? "deadlineMsDefault" : undefined;
}

/** The two instants are sums of floats: half a ms is no difference. */
function isNear(allowedMs: number, { deadlineMsDefault }: ServedVersion): boolean {
  return Math.abs(allowedMs - deadlineMsDefault) < 0.5;
}
