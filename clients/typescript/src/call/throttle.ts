/**
 * Client self-throttling: who is turned away again and again stops asking so often.
 *
 * Over the last minute a client counts the requests that have ended and how many of them the
 * server accepted (answered, in any way but by turning them away). While at least half are accepted
 * nothing is held back; beyond that a request is refused here with a probability that lets about
 * twice as many through as are accepted, so recovery is noticed at once. Requests under way do not
 * count: they would look like refused ones. Nor is anything held back on the word of fewer than
 * `requestsMin`: a single failure would turn away every second call of a young client.
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

/** Requests that must have ended within the minute before any is held back. */
export const requestsMin = 10;

/** True when the next request is refused here. @param draw a random number in [0, 1) */
export function isHeldBack(counts: ThrottleCounts, draw: number): boolean {
  return counts.requests >= requestsMin && draw < refuseShare(counts);
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

  /** A request has ended, or was refused here. */
  ended(nowMs: number, isTaken: boolean): void {
    const bucket = this.#bucket(nowMs);
    bucket.requests += 1;
    if (isTaken) bucket.accepts += 1;
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
  "REPLIES_UNREAD",
  "SERVER_NOT_READY",
  "MODEL_NOT_READY",
  "DRAINING",
  "CONNECTION_FAILED",
]);

/** Was a request that ended with `code` accepted by the server? */
export function isAccepted(code: string): boolean {
  return !turnedAway.has(code);
}
