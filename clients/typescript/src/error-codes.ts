/**
 * The codes that the client knows, and which of them may be tried again.
 *
 * The server's own word decides where there is one: its table is repeated here because a reply that
 * a proxy made has a status and no code. A test of the project holds the two tables equal.
 */

/** Codes that the server answers; `true`: the same request may succeed later. */
export const serverCodes = {
  INVALID_REQUEST: false,
  INVALID_INPUT: false,
  LIMIT_EXCEEDED: false,
  PERMISSION_DENIED: false,
  MODEL_NOT_FOUND: false,
  VERSION_NOT_FOUND: false,
  SERVICE_NOT_FOUND: false,
  NOT_FOUND: false,
  METHOD_NOT_ALLOWED: false,
  OUTPUT_NOT_REPRESENTABLE: false,
  ALREADY_EXISTS: false,
  MODEL_BUSY: true,
  REQUEST_TIMEOUT: true,
  PAYLOAD_TOO_LARGE: false,
  URI_TOO_LONG: false,
  UNSUPPORTED_MEDIA_TYPE: false,
  INPUT_REJECTED_BY_MODEL: false,
  INPUT_QUARANTINED: false,
  MODEL_INVALID: false,
  MODEL_LOAD_FAILED: false,
  REPLIES_UNREAD: true,
  HEADER_TOO_LARGE: false,
  CANCELLED: false,
  INTERNAL: false,
  MODEL_OUTPUT_INVALID: false,
  UNSUPPORTED: false,
  QUEUE_FULL: true,
  OVERLOADED: true,
  SERVER_NOT_READY: true,
  MODEL_NOT_READY: true,
  DRAINING: true,
  WORKER_LOST: true,
  ENGINE_TIMEOUT: true,
  DEADLINE_EXCEEDED: false,
  MEMORY_EXHAUSTED: true,
} as const satisfies Record<string, boolean>;

/** Codes of the client's own: nobody answered, or nobody was asked. */
export const clientCodes = {
  /** No connection, or it broke before the reply was whole. */
  CONNECTION_FAILED: true,
  /** The client held the request back: most of its recent ones were turned away. */
  THROTTLED: true,
  /** The reply is none of Millrace's: a proxy, another server. */
  INVALID_REPLY: false,
} as const satisfies Record<string, boolean>;

/** A code of the server or of the client; codes of newer servers are let through as they come. */
export type MillraceErrorCode = keyof typeof serverCodes | keyof typeof clientCodes | (string & {});

/** One entry for each code. */
const retryable = new Map<string, boolean>([
  ...Object.entries(serverCodes),
  ...Object.entries(clientCodes),
]);

/** Statuses that a proxy in front answers for a server that is away or busy. */
const retryableStatuses: readonly number[] = [408, 429, 502, 503];

/** May the same request succeed later? An unknown code is judged by its status. */
export function isRetryableCode(code: string, status: number): boolean {
  return retryable.get(code) ?? retryableStatuses.includes(status);
}
