/**
 * How long and how urgently a caller wants to wait, from the metadata of a call.
 *
 * Of `grpc-timeout` and `x-request-timeout-ms` the smaller wins, cut to `deadlineMsMax`. A timeout
 * of 0 is legal and has passed when it arrives.
 */
import { quote, ServingError } from "../../../base/index.ts";
import type { CallHeaders } from "../http2/headers/call-headers.ts";

export interface CallTerms {
  /** Time allowed, ms, at most `deadlineMsMax`; `undefined` when the caller names none. */
  readonly allowedMs: number | undefined;
  /** 1 is the most urgent; 0 is the default class. */
  readonly priority: number;
}

/** Static: ms of each unit of `grpc-timeout`. */
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

const timeoutDigitsMax = 8;
const noTerms: CallTerms = { allowedMs: undefined, priority: 0 };

/** @throws INVALID_REQUEST */
export function readTerms(headers: CallHeaders, deadlineMsMax: number): CallTerms {
  const timeout = headers["grpc-timeout"];
  const timeoutMs = headers["x-request-timeout-ms"];
  const priority = headers["x-request-priority"];
  if (timeout === undefined && timeoutMs === undefined && priority === undefined) return noTerms;
  let allowedMs = Number.POSITIVE_INFINITY;
  if (timeout !== undefined) allowedMs = timeoutOf(String(timeout));
  if (timeoutMs !== undefined) allowedMs = Math.min(allowedMs, millisecondsOf(String(timeoutMs)));
  const isNamed = timeout !== undefined || timeoutMs !== undefined;
  return {
    allowedMs: isNamed ? Math.min(allowedMs, deadlineMsMax) : undefined,
    priority: priority === undefined ? 0 : priorityOf(String(priority)),
  };
}

function timeoutOf(text: string): number {
  const digits = text.slice(0, -1);
  const unit = unitMs[text.slice(-1)];
  const isNumber = digits.length > 0 && digits.length <= timeoutDigitsMax && isDigits(digits);
  if (unit !== undefined && isNumber) return Number(digits) * unit;
  throw wrong("grpc-timeout", "1 to 8 digits and one of H M S m u n", text);
}

function isDigits(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

function millisecondsOf(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw wrong("x-request-timeout-ms", "a number of ms >= 0", text);
}

function priorityOf(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw wrong("x-request-priority", "a whole number >= 0", text);
}

function wrong(name: string, expected: string, text: string): ServingError {
  const message = `metadata '${name}': expected ${expected}, got ${quote(text)}`;
  return new ServingError("INVALID_REQUEST", message, { field: name });
}
