/**
 * The steps that routes take on their exchange.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { requestBegan, requestMoved, type ServedVersion } from "../../../service/index.ts";
import type { Call } from "../call.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Books the request on a version: from here on it counts there and has its deadline.
 *
 * @throws CANCELLED the caller left while the body was read, so nothing may begin
 */
export function beginOn(exchange: Call, served: ServedVersion): void {
  if (exchange.isAnswered) throw new ServingError("CANCELLED", "the caller left");
  exchange.served = served;
  requestBegan(served);
  if (!exchange.hasOwnDeadline) {
    exchange.deadlineAtMs = exchange.times.arrivedAtMs + served.deadlineMsDefault;
  }
}

/** Takes the request off the books of its version, which it turned out not to mean. */
export function leaveVersion(exchange: Call): void {
  if (exchange.isAnswered || exchange.served === undefined) return;
  requestMoved(exchange.served);
  exchange.served = undefined;
}

/** True for the content types that are read as JSON. */
function isJsonType(contentType: string): boolean {
  if (contentType === "application/json" || contentType === "") return true;
  const semicolon = contentType.indexOf(";");
  const bare = semicolon === -1 ? contentType : contentType.slice(0, semicolon);
  const type = bare.trim().toLowerCase();
  if (type === "application/json" || type.endsWith("+json")) return true;
  // curl -d says so, whatever it sends.
  return type === "application/x-www-form-urlencoded" || type === "text/json";
}

/** @throws UNSUPPORTED_MEDIA_TYPE */
export function checkJsonType(contentType: string): void {
  if (isJsonType(contentType)) return;
  const message = `header 'content-type': expected application/json, got ${quote(contentType)}`;
  throw new ServingError("UNSUPPORTED_MEDIA_TYPE", message, { field: "content-type" });
}

/**
 * Answers with JSON of any status; a 503 says when to come back. Never deflated: tritonclient's
 * asyncio client accepts gzip everywhere and inflates nothing but inference.
 */
export function replyStatus(exchange: Exchange, status: number, body: unknown): void {
  const lines = status === 503 ? "retry-after: 1\r\n" : "";
  const head = { status, contentType: "application/json", lines, isPlain: true };
  exchange.reply(head, JSON.stringify(body));
}
