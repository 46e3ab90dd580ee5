/**
 * Decides what a closed connection means: come back, and when, or give up.
 *
 * Close codes as the server uses them: 1001 draining, 1008 policy, 1009 too big, 1011 internal,
 * 1013 overloaded; 1006 is a connection that broke. Policy and size will not change by asking
 * again.
 */
import type { Random } from "../clock.ts";

export interface ReconnectRules {
  /** Failed attempts in a row after which the socket gives up, 1 or more. */
  readonly attemptsMax: number;
  /** Bound of the first wait, ms; it doubles with each failed attempt. */
  readonly backoffMsMin: number;
  /** Largest bound, ms. */
  readonly backoffMsMax: number;
}

export interface Closed {
  readonly closeCode: number;
  /** Connections in a row that ended without one reply. */
  readonly failures: number;
}

export type ReconnectDecision =
  | { readonly kind: "reconnect"; readonly afterMs: number }
  | { readonly kind: "giveUp"; readonly code: "PERMISSION_DENIED" | "PAYLOAD_TOO_LARGE" }
  | { readonly kind: "giveUp"; readonly code: "CONNECTION_FAILED" };

const policyViolation = 1008;
const tooBig = 1009;

export function decideReconnect(
  { closeCode, failures }: Closed,
  rules: ReconnectRules,
  random: Random,
): ReconnectDecision {
  if (closeCode === policyViolation) return { kind: "giveUp", code: "PERMISSION_DENIED" };
  if (closeCode === tooBig) return { kind: "giveUp", code: "PAYLOAD_TOO_LARGE" };
  if (failures >= rules.attemptsMax) return { kind: "giveUp", code: "CONNECTION_FAILED" };
  const bound = Math.min(rules.backoffMsMax, rules.backoffMsMin * 2 ** failures);
  return { kind: "reconnect", afterMs: random.next() * bound };
}
