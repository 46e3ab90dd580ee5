/**
 * Makes the error of a reply that is not 2xx.
 *
 * Millrace says `{"error","code","request_id","field"?}`. A reply without a code is of something in
 * between (a proxy, a balancer); it gets the code `HTTP_<status>` and is judged by its status.
 */
import { readRetryAfterMs } from "../call/retry-after.ts";
import { isRecord, textOf } from "../json/fields.ts";
import { MillraceError } from "../millrace-error.ts";

/** Characters of a foreign reply that are repeated in the message. */
const shownMax = 200;

/** What the error needs of a reply. */
export interface ReplyHead {
  readonly status: number;
  readonly headers: Headers;
}

/** @param wallMs Unix time, for a `retry-after` that is a date */
export function errorOfReply(
  { status, headers }: ReplyHead,
  bytes: Uint8Array,
  wallMs: number,
): MillraceError {
  const text = new TextDecoder().decode(bytes);
  const body = recordOf(text);
  const code = textOf(body, "code") || headers.get("x-error-code") || `HTTP_${status}`;
  const message = textOf(body, "error") || foreignText(status, text);
  return new MillraceError(code, message, {
    status,
    field: textOf(body, "field") || undefined,
    requestId: headers.get("x-request-id") ?? (textOf(body, "request_id") || undefined),
    retryAfterMs: readRetryAfterMs(headers.get("retry-after"), wallMs),
  });
}

function recordOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    // No JSON: the reply is not of Millrace, and its text is shown as it is.
    return {};
  }
}

function foreignText(status: number, text: string): string {
  const shown = text.trim().slice(0, shownMax);
  return shown === "" ? `HTTP ${status} without a body` : `HTTP ${status}: ${shown}`;
}
