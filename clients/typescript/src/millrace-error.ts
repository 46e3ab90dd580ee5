/**
 * The one error of the client.
 *
 * Whatever goes wrong is a `MillraceError` with a code: the server's answer, a broken connection, a
 * deadline, a cancelled call, a wrong argument. What was thrown below is its `cause`.
 */
import { isRetryableCode, type MillraceErrorCode } from "./error-codes.ts";

/** What is known beside code and message. */
export interface ErrorFacts {
  /** HTTP status of the reply; 0 when there was none. */
  readonly status?: number | undefined;
  /** The part of the request that is at fault (`features[1]`). */
  readonly field?: string | undefined;
  readonly requestId?: string | undefined;
  /** How long the server asks to wait, ms. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

const mark = Symbol.for("millrace.client.error");

export class MillraceError extends Error {
  readonly code: MillraceErrorCode;
  /** HTTP status of the reply; 0 when there was none. */
  readonly status: number;
  /** The part of the request that is at fault (`features[1]`), where the server names one. */
  readonly field: string | undefined;
  /** What the server's log calls the request; also of use in a report of a fault. */
  readonly requestId: string | undefined;
  /** True when the same request may succeed later. */
  readonly isRetryable: boolean;
  /** How long the server asks to wait, ms. */
  readonly retryAfterMs: number | undefined;
  readonly [mark] = true;

  constructor(code: MillraceErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "MillraceError";
    this.code = code;
    this.status = facts.status ?? 0;
    this.field = facts.field;
    this.requestId = facts.requestId;
    this.isRetryable = isRetryableCode(code, this.status);
    this.retryAfterMs = facts.retryAfterMs;
  }

  /** True for a `MillraceError`, also of another copy of this package. */
  static is(thrown: unknown): thrown is MillraceError {
    return typeof thrown === "object" && thrown !== null && mark in thrown;
  }
}

/** A wrong argument, found before anything was sent. */
export function invalidInput(field: string, message: string): MillraceError {
  return new MillraceError("INVALID_INPUT", `${field}: ${message}`, { field });
}
