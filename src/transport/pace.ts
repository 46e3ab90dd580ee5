/**
 * Decides when a caller is too slow: at sending a body, or at taking a reply.
 *
 * Pure functions of what has moved so far and a time. A body is measured over windows of ten
 * seconds, so a lost packet or a pause of the caller's is no fault, and one that is in before its
 * first window ends is never judged. A reply is given up when nothing of it was taken for its time;
 * what the caller sends meanwhile does not count, or who never reads could hold it by talking.
 */

/** What had moved at an instant. */
export interface Mark {
  readonly atMs: number;
  readonly bytes: number;
}

/** How long a body is watched before it is judged, ms. */
export const paceWindowMs = 10_000;

/** What is known of a body now. `slow`: fewer bytes than `bytesPerSecondMin` for a whole window. */
export function judgePace(from: Mark, now: Mark, bytesPerSecondMin: number): Mark | "slow" {
  const tookMs = now.atMs - from.atMs;
  if (tookMs < paceWindowMs) return from;
  const wantedBytes = (bytesPerSecondMin * tookMs) / 1_000;
  return now.bytes - from.bytes < wantedBytes ? "slow" : now;
}

/** What is known of a reply now. `stuck`: nothing of it was taken for `msMax`. */
export function judgeReading(from: Mark, now: Mark, msMax: number): Mark | "stuck" {
  if (now.bytes !== from.bytes) return now;
  return now.atMs - from.atMs >= msMax ? "stuck" : from;
}
