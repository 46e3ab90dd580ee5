/**
 * Looks after calls that nobody else looks after: requests that arrive too slowly, answers that
 * nobody reads, whether the call is over or a stream that goes on. A stream that has nothing to say
 * is nobody's fault.
 *
 * Work that is queued has its deadline kept by the predictor; until a request is whole nothing but
 * this look ends it. One timer for all calls instead of one a call.
 */
import {
  type Clock,
  type LimitName,
  type Limits,
  ServingError,
  type Timer,
} from "../../../base/index.ts";
import type { OpenCall } from "./open-call.ts";

export interface WatchOptions {
  readonly calls: ReadonlySet<OpenCall>;
  readonly limits: Pick<Limits, "bodyReadMsMax" | "replyReadMsMax">;
  readonly clock: Clock;
  limitHit(name: LimitName): void;
}

/** How often the calls are looked at, ms; a deadline is late by at most this. */
const lookMs = 10;
/** Above this many calls a look is made more rarely. */
const callsMany = 1_000;
const lookMsOfMany = 100;

export class CallWatch {
  readonly #options: WatchOptions;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** A call was opened. */
  note(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    const { calls, clock } = this.#options;
    const pauseMs = calls.size > callsMany ? lookMsOfMany : lookMs;
    this.#timer = clock.after(pauseMs, () => {
      this.#timer = undefined;
      lookAt(this.#options, clock.nowMs());
      if (calls.size > 0) this.note();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }
}

function lookAt(options: WatchOptions, nowMs: number): void {
  const { limits } = options;
  for (const call of options.calls) {
    if (call.unsentBytes > 0 && call.isUnread(nowMs, limits.replyReadMsMax)) {
      options.limitHit("replyReadMsMax");
      call.cut();
    } else if (call.isEnded) {
      call.tidyUp(nowMs);
    } else if (nowMs > call.work.deadlineAtMs) {
      call.expire();
    } else if (call.isIncomplete && nowMs - call.work.times.arrivedAtMs > limits.bodyReadMsMax) {
      const message = `the request did not arrive in ${limits.bodyReadMsMax} ms (bodyReadMsMax)`;
      call.fail(new ServingError("REQUEST_TIMEOUT", message, { limit: "bodyReadMsMax" }));
    }
  }
}
