/**
 * The one error class.
 *
 * `message` is for the caller: it names the field, what was expected and the limit, and holds no
 * path, stack or engine text. What belongs to the log goes into `cause`. `from` is the only place
 * where anything thrown becomes an error of ours; an unknown thing is INTERNAL with a message that
 * tells nothing. A refusal has no stack: its code and message say where it came from, and walking
 * the stack costs most of what making one does (7.5 us against 0.4 us, 20 calls deep). Faults of
 * ours keep theirs, and so does whatever is a cause. The mark is a registered symbol, so errors of
 * two copies of this module agree.
 */

import type { LimitName } from "../limits.ts";
import { type ErrorCode, errorTable } from "./error-table.ts";

const mark = Symbol.for("millrace.ServingError");

export interface ServingErrorOptions {
  /** For the log only. */
  readonly cause?: unknown;
  /** The request field at fault, as the caller spells it (`features[2]`, `inputs[0].shape`). */
  readonly field?: string;
  /**
   * The limit that was hit, to be counted by whoever ends the request or the load. Left out where
   * the thrower counts it itself: nothing is counted twice.
   */
  readonly limit?: LimitName;
  /** Whole seconds after which a retry makes sense; default 1 for retryable codes. */
  readonly retryAfterS?: number;
}

export class ServingError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly limit: LimitName | undefined;
  readonly retryAfterS: number | undefined;
  readonly [mark] = true;

  constructor(code: ErrorCode, message: string, options: ServingErrorOptions = {}) {
    const framesMax = Error.stackTraceLimit;
    if (errorTable[code].level !== "error") Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = framesMax;
    this.name = "ServingError";
    this.code = code;
    this.field = options.field;
    this.limit = options.limit;
    const fallback = errorTable[code].isRetryable ? 1 : undefined;
    this.retryAfterS = options.retryAfterS ?? fallback;
  }

  get isRetryable(): boolean {
    return errorTable[this.code].isRetryable;
  }

  /** Turns anything thrown into a `ServingError`; ours pass unchanged, the rest is INTERNAL. */
  static from(thrown: unknown): ServingError {
    if (ServingError.is(thrown)) return thrown;
    return new ServingError("INTERNAL", "internal error: the log has it under this request id", {
      cause: thrown,
    });
  }

  static is(thrown: unknown): thrown is ServingError {
    return typeof thrown === "object" && thrown !== null && mark in thrown;
  }
}
