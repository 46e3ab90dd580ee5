/**
 * What the trailers of a call say.
 *
 * Millrace names its code in `x-error-code`; a status without one is of something in between, gets
 * the code `GRPC_<number>` and is judged by the HTTP status that goes with it.
 */
import { readRetryAfterMs } from "../call/retry-after.ts";
import { MillraceError } from "../millrace-error.ts";

/** Headers or trailers of HTTP/2, as node:http2 gives them. */
export type Trailers = Readonly<Record<string, string | readonly string[] | number | undefined>>;

/** HTTP status for each gRPC status, by number (google.rpc.Code). */
const httpStatuses = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];
const cancelled = 1;
const deadlineExceeded = 4;

function textOf(trailers: Trailers, key: string): string | undefined {
  const value = trailers[key];
  return typeof value === "string" ? value : undefined;
}

/** The error of a call, or `undefined` when it went well. */
export function errorOfTrailers(trailers: Trailers): MillraceError | undefined {
  const number = Number(textOf(trailers, "grpc-status"));
  if (number === 0) return undefined;
  if (!Number.isInteger(number)) {
    const message = "the call ended without a gRPC status: is this a gRPC port?";
    return new MillraceError("INVALID_REPLY", message);
  }
  const message = decodeMessage(textOf(trailers, "grpc-message") ?? "");
  return new MillraceError(codeOf(trailers, number), message || `gRPC status ${number}`, {
    status: httpStatuses[number] ?? 500,
    requestId: textOf(trailers, "x-request-id"),
    retryAfterMs: waitOf(trailers),
  });
}

function codeOf(trailers: Trailers, number: number): string {
  const code = textOf(trailers, "x-error-code");
  if (code !== undefined) return code;
  if (number === deadlineExceeded) return "DEADLINE_EXCEEDED";
  return number === cancelled ? "CANCELLED" : `GRPC_${number}`;
}

function waitOf(trailers: Trailers): number | undefined {
  const pushbackMs = Number(textOf(trailers, "grpc-retry-pushback-ms") ?? Number.NaN);
  if (pushbackMs >= 0) return pushbackMs;
  return readRetryAfterMs(textOf(trailers, "retry-after") ?? null, 0);
}

/** Undoes the percent-encoding of a status message; what is broken is shown as it came. */
export function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A message is for people: an encoding that is not whole is no reason to lose it.
    return text;
  }
}

/** `grpc-timeout`: at most eight digits and a unit. @param leftMs above 0; Infinity for none */
export function timeoutText(leftMs: number): string | undefined {
  if (!Number.isFinite(leftMs)) return undefined;
  const ms = Math.max(1, Math.ceil(leftMs));
  return ms < 100_000_000 ? `${ms}m` : `${Math.min(99_999_999, Math.ceil(ms / 1000))}S`;
}
