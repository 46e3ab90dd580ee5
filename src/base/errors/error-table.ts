/**
 * Every way in which Millrace can say no, in one place.
 *
 * Doors map by this table and know no code by name: `http` and `grpc` are the status on the wire,
 * `isRetryable` tells a client that the same request may succeed later, `level` is the log level,
 * `meaning` is the sentence of the reference page. A code is never reused for another meaning.
 */

/** One row of the table. */
export interface ErrorRow {
  /** HTTP status. */
  readonly http: number;
  /** gRPC status number (google.rpc.Code). */
  readonly grpc: number;
  readonly isRetryable: boolean;
  readonly level: "debug" | "warn" | "error";
  readonly meaning: string;
}

const no = { isRetryable: false, level: "debug" } as const;
const retry = { isRetryable: true, level: "warn" } as const;

export const errorTable = {
  INVALID_REQUEST: {
    http: 400,
    grpc: 3,
    ...no,
    meaning: "JSON, envelope, header, name or message cannot be read",
  },
  INVALID_INPUT: {
    http: 400,
    grpc: 3,
    ...no,
    meaning: "an input has the wrong name, type or shape, or breaks a value rule",
  },
  LIMIT_EXCEEDED: {
    http: 400,
    grpc: 3,
    ...no,
    meaning: "a count or size inside the request is over its limit",
  },
  PERMISSION_DENIED: { http: 403, grpc: 7, ...no, meaning: "this is not offered to this caller" },
  MODEL_NOT_FOUND: { http: 404, grpc: 5, ...no, meaning: "no model of that name" },
  VERSION_NOT_FOUND: {
    http: 404,
    grpc: 5,
    ...no,
    meaning: "the model has no such version",
  },
  NOT_FOUND: { http: 404, grpc: 12, ...no, meaning: "no such route" },
  SERVICE_NOT_FOUND: { http: 404, grpc: 5, ...no, meaning: "no gRPC service of that name" },
  METHOD_NOT_ALLOWED: { http: 405, grpc: 12, ...no, meaning: "the route exists for another verb" },
  ALREADY_EXISTS: { http: 409, grpc: 6, ...no, meaning: "a model of that name is there already" },
  MODEL_BUSY: {
    http: 409,
    grpc: 10,
    ...retry,
    meaning: "the model is being loaded or unloaded by another caller",
  },
  OUTPUT_NOT_REPRESENTABLE: {
    http: 406,
    grpc: 9,
    ...no,
    meaning: "NaN, Infinity, FP16, BF16 or raw bytes were asked for as JSON",
  },
  REQUEST_TIMEOUT: {
    http: 408,
    grpc: 4,
    isRetryable: true,
    level: "debug",
    meaning: "headers or body came too slowly",
  },
  PAYLOAD_TOO_LARGE: {
    http: 413,
    grpc: 8,
    ...no,
    meaning: "the body is over its limit, counted after inflating",
  },
  URI_TOO_LONG: { http: 414, grpc: 8, ...no, meaning: "the URL is over its limit" },
  UNSUPPORTED_MEDIA_TYPE: {
    http: 415,
    grpc: 3,
    ...no,
    meaning: "the content type or the content encoding is not read here",
  },
  INPUT_REJECTED_BY_MODEL: {
    http: 422,
    grpc: 3,
    ...no,
    meaning: "the engine refused this input after our checks had passed",
  },
  INPUT_QUARANTINED: {
    http: 422,
    grpc: 9,
    ...no,
    meaning: "this exact input has killed its worker twice",
  },
  MODEL_INVALID: { http: 422, grpc: 3, ...no, meaning: "the package was refused by the validator" },
  MODEL_LOAD_FAILED: {
    http: 422,
    grpc: 9,
    ...no,
    meaning: "the engine, the probe or the clock refused the version",
  },
  REPLIES_UNREAD: {
    http: 429,
    grpc: 8,
    isRetryable: true,
    level: "debug",
    meaning: "the caller asks on a connection and does not read the replies",
  },
  HEADER_TOO_LARGE: { http: 431, grpc: 8, ...no, meaning: "the headers are over their limit" },
  CANCELLED: { http: 499, grpc: 1, ...no, meaning: "the caller left" },
  INTERNAL: { http: 500, grpc: 13, isRetryable: false, level: "error", meaning: "a fault of ours" },
  MODEL_OUTPUT_INVALID: {
    http: 500,
    grpc: 13,
    isRetryable: false,
    level: "error",
    meaning: "the model gave another dtype or another number of items than it promised",
  },
  UNSUPPORTED: { http: 501, grpc: 12, ...no, meaning: "known, but not offered" },
  QUEUE_FULL: { http: 503, grpc: 14, ...retry, meaning: "the model's queue is full" },
  OVERLOADED: { http: 503, grpc: 14, ...retry, meaning: "shed: too much work, or sure to be late" },
  SERVER_NOT_READY: { http: 503, grpc: 14, ...retry, meaning: "the server is starting" },
  MODEL_NOT_READY: {
    http: 503,
    grpc: 14,
    ...retry,
    meaning: "the model is loading or backing off",
  },
  DRAINING: { http: 503, grpc: 14, ...retry, meaning: "the server is stopping" },
  WORKER_LOST: {
    http: 503,
    grpc: 14,
    ...retry,
    meaning: "the worker died while it ran this request",
  },
  ENGINE_TIMEOUT: { http: 503, grpc: 14, ...retry, meaning: "the batch passed its wall clock" },
  DEADLINE_EXCEEDED: {
    http: 504,
    grpc: 4,
    isRetryable: false,
    level: "warn",
    meaning: "the caller's time is over",
  },
  MEMORY_EXHAUSTED: {
    http: 507,
    grpc: 8,
    isRetryable: true,
    level: "error",
    meaning: "no memory for this model",
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** True when `text` is a code of the table. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(errorTable, text);
}
