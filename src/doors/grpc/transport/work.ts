/**
 * One piece of work of a call: what a predictor and the books have to know of it.
 *
 * A unary call is one piece; a stream is one for each of its messages. Invariant: `finished` runs
 * exactly once for each, whatever happened.
 */
import { Cancellation, type ErrorCode, ServingError } from "../../../base/index.ts";
import type { StageTimes } from "../../../predict/index.ts";
import {
  type BookedRequest,
  type InferenceTerms,
  requestBegan,
  type ServedVersion,
} from "../../../service/index.ts";

/** What all work of one server has in common. */
export interface WorkSettings {
  nowMs(): number;
  /** Called once a piece of work is over. */
  finished(work: Work, code: ErrorCode | "OK", error: ServingError | undefined): void;
}

export class Work implements InferenceTerms, BookedRequest {
  readonly requestId: string;
  /** Path of the method. */
  readonly path: string;
  readonly cancellation = new Cancellation();
  readonly times: StageTimes;
  deadlineAtMs = Number.POSITIVE_INFINITY;
  priority = 0;
  hasOwnDeadline = false;
  served: ServedVersion | undefined;
  items = 0;
  /** When the answer's bytes were ready, in ms of the clock; 0 while they are not. */
  writtenAtMs = 0;
  /** True while it counts as work that a stop waits for. */
  isWork = false;
  readonly #settings: WorkSettings;
  #isOver = false;

  constructor(settings: WorkSettings, name: { readonly requestId: string; readonly path: string }) {
    this.requestId = name.requestId;
    this.path = name.path;
    this.#settings = settings;
    const arrivedAtMs = settings.nowMs();
    this.times = {
      arrivedAtMs,
      decodedAtMs: arrivedAtMs,
      sentAtMs: 0,
      answeredAtMs: 0,
      runMs: 0,
      batchItems: 0,
    };
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The caller's own time, counted from the arrival. */
  allow(allowedMs: number): void {
    this.hasOwnDeadline = true;
    this.deadlineAtMs = this.times.arrivedAtMs + allowedMs;
  }

  /**
   * Books it on a version: from here on it counts there and has its deadline.
   * @throws CANCELLED the caller left before, so nothing may begin
   */
  beginOn(served: ServedVersion): void {
    if (this.#isOver) throw new ServingError("CANCELLED", "the caller left");
    this.served = served;
    requestBegan(served);
    if (this.hasOwnDeadline) return;
    this.deadlineAtMs = this.times.arrivedAtMs + served.deadlineMsDefault;
  }

  /** Ends its place in the books; later calls change nothing. */
  end(code: ErrorCode | "OK", error?: ServingError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settings.finished(this, code, error);
  }

  /** Nobody waits for it any more. */
  abandon(error: ServingError): void {
    if (this.#isOver) return;
    this.cancellation.cancel(error);
    this.end(error.code, error);
  }
}
