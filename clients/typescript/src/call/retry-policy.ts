/**
 * Decides whether a failed attempt is followed by another, and when.
 *
 * At most `attemptsMax` attempts, only for faults that may pass, only while the budget has a token
 * and only when the wait leaves time to answer. The wait is drawn evenly from 0 to a bound that
 * doubles (full jitter), so callers that failed together do not come back together; what the server
 * asks for in `retry-after` is waited first and the draw comes on top, for the same reason.
 */
import type { Random } from "../clock.ts";

export interface RetryRules {
  /** Attempts of one call, the first one and hedges included; 1 turns retries off. */
  readonly attemptsMax: number;
  /** Bound of the first wait, ms; it doubles with each attempt. */
  readonly backoffMsMin: number;
  /** Largest bound, ms. */
  readonly backoffMsMax: number;
}

export interface FailedAttempt {
  /** Attempts so far, 1 or more. */
  readonly attempts: number;
  readonly isRetryable: boolean;
  /** What the server asked for, ms. */
  readonly retryAfterMs: number | undefined;
  /** Tokens of the retry budget; an attempt costs one. */
  readonly tokens: number;
  /** Until the caller's deadline, ms; Infinity without one. */
  readonly leftMs: number;
}

export type RetryDecision =
  | { readonly kind: "retry"; readonly afterMs: number }
  | { readonly kind: "stop"; readonly why: "final" | "attempts" | "budget" | "deadline" };

export function decideRetry(
  failed: FailedAttempt,
  rules: RetryRules,
  random: Random,
): RetryDecision {
  if (!failed.isRetryable) return { kind: "stop", why: "final" };
  if (failed.attempts >= rules.attemptsMax) return { kind: "stop", why: "attempts" };
  if (failed.tokens < 1) return { kind: "stop", why: "budget" };
  const bound = Math.min(rules.backoffMsMax, rules.backoffMsMin * 2 ** (failed.attempts - 1));
  const afterMs = (failed.retryAfterMs ?? 0) + random.next() * bound;
  if (afterMs >= failed.leftMs) return { kind: "stop", why: "deadline" };
  return { kind: "retry", afterMs };
}
