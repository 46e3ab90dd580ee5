/**
 * Says when a connection asks for too much that leads to nothing: calls that are reset at once,
 * frames that say nothing.
 *
 * Two buckets that fill with time, and a count of answers that wait. What a caller has good reasons
 * to send often (pings that measure the way, windows) is not counted by time: it costs a caller as
 * much as it costs here, as long as it reads the answers (as nghttp2 has it).
 */
import { ConnectionFault, errorCode } from "./fault.ts";

interface Bucket {
  readonly burst: number;
  readonly perMs: number;
  tokens: number;
  atMs: number;
}

const resetBurst = 1_000;
const resetsPerMs = 0.1;
const idleBurst = 10_000;
const idlePerMs = 1;
/** Answers to PING and SETTINGS that may wait for a caller. */
const acksWaitingMax = 1_000;

export class FloodGuard {
  readonly #resets: Bucket;
  readonly #idle: Bucket;

  constructor(nowMs: number) {
    this.#resets = { burst: resetBurst, perMs: resetsPerMs, tokens: resetBurst, atMs: nowMs };
    this.#idle = { burst: idleBurst, perMs: idlePerMs, tokens: idleBurst, atMs: nowMs };
  }

  /** A stream was reset, by the caller or for its fault. @throws ConnectionFault */
  reset(nowMs: number): void {
    if (!take(this.#resets, nowMs)) throw flood("streams are reset");
  }

  /** A frame came that moves nothing on. @throws ConnectionFault */
  idleFrame(nowMs: number): void {
    if (!take(this.#idle, nowMs)) throw flood("frames that say nothing come");
  }

  /** An answer is due while `waiting` others have not been taken. @throws ConnectionFault */
  answer(waiting: number): void {
    if (waiting >= acksWaitingMax) throw flood("answers are asked for and not read");
  }
}

function take(bucket: Bucket, nowMs: number): boolean {
  const filled = bucket.tokens + (nowMs - bucket.atMs) * bucket.perMs;
  bucket.tokens = Math.min(bucket.burst, filled) - 1;
  bucket.atMs = nowMs;
  return bucket.tokens >= 0;
}

function flood(what: string): ConnectionFault {
  return new ConnectionFault(errorCode.calm, `${what} too often`);
}
