/**
 * Client self-throttling: who is turned away again and again stops asking so often.
 *
 * Over the last minute a client counts its requests and how many of them the server accepted
 * (answered, in any way but by turning them away). While more than half are accepted nothing is
 * held back; beyond that a request is refused here with a probability that lets about twice as many
 * through as are accepted, so recovery is noticed at once.
 *
 * @see B. Beyer and others, Site Reliability Engineering (2016), chapter 21, equation 21-1
 */

export interface ThrottleCounts {
  readonly requests: number;
  /** At most `requests`. */
  readonly accepts: number;
}

/** Probability, 0 to below 1, with which the next request is refused before it is sent. */
export function refuseShare({ requests, accepts }: ThrottleCounts): number {
  return Math.max(0, (requests - 2 * accepts) / (requests + 1));
}

interface Bucket {
  readonly startsAtMs: number;
  requests: number;
  accepts: number;
}

const bucketMs = 10_000;
const bucketsMax = 6;

/** Counts of the last minute in buckets of ten seconds. */
export class ThrottleWindow {
  #buckets: Bucket[] = [];

  counts(nowMs: number): ThrottleCounts {
    this.#forget(nowMs);
    let requests = 0;
    let accepts = 0;
    for (const bucket of this.#buckets) {
      requests += bucket.requests;
      accepts += bucket.accepts;
    }
    return { requests, accepts };
  }

  /** A request was wanted, sent or not. */
  wanted(nowMs: number): void {
    this.#bucket(nowMs).requests += 1;
  }

  /** The server answered other than by turning the request away. */
  accepted(nowMs: number): void {
    this.#bucket(nowMs).accepts += 1;
  }

  #bucket(nowMs: number): Bucket {
    this.#forget(nowMs);
    const last = this.#buckets.at(-1);
    if (last !== undefined && nowMs < last.startsAtMs + bucketMs) return last;
    const made = { startsAtMs: nowMs, requests: 0, accepts: 0 };
    this.#buckets.push(made);
    return made;
  }

  #forget(nowMs: number): void {
    const oldestAtMs = nowMs - bucketMs * bucketsMax;
    this.#buckets = this.#buckets.filter((each) => each.startsAtMs > oldestAtMs);
  }
}

/** Codes by which a server turns a request away instead of working on it; static. */
const turnedAway: ReadonlySet<string> = new Set([
  "QUEUE_FULL",
  "OVERLOADED",
  "RATE_LIMITED",
  "SERVER_NOT_READY",
  "MODEL_NOT_READY",
  "DRAINING",
  "CONNECTION_FAILED",
]);

/** Was a request that ended with `code` accepted by the server? */
export function isAccepted(code: string): boolean {
  return !turnedAway.has(code);
}
