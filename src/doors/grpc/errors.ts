/**
 * What an error looks like to a gRPC caller: status, message and trailers, all from the one table.
 */
import { errorTable, type ServingError } from "../../base/index.ts";

/** Bytes of a status message; the rest is cut. Trailers are headers, which peers limit. */
const messageBytesMax = 2 * 1024;

/** How messages may be compressed, as a refusal of another way names it. */
export const acceptEncoding = "identity,gzip,deflate";

/** The trailers that end a failed call. */
export function errorTrailers(error: ServingError, requestId: string): Record<string, string> {
  const { grpc, http } = errorTable[error.code];
  const trailers: Record<string, string> = {
    "grpc-status": String(grpc),
    "grpc-message": percentEncode(error.message),
    "x-error-code": error.code,
    "x-request-id": requestId,
  };
  if (error.retryAfterS !== undefined && (http === 503 || http === 429)) {
    const seconds = Math.max(1, Math.ceil(error.retryAfterS));
    trailers["retry-after"] = String(seconds);
    trailers["grpc-retry-pushback-ms"] = String(seconds * 1000);
  }
  return trailers;
}

/** Percent-encodes the UTF-8 of a status message as the protocol wants it: all but `0x20-0x7e`. */
export function percentEncode(text: string): string {
  const bytes = Buffer.from(text).subarray(0, messageBytesMax);
  let encoded = "";
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    if (isPlain) encoded += String.fromCharCode(byte);
    else encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
