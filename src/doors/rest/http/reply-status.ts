/**
 * Answers that carry a status of their own.
 */
import type { Exchange } from "./exchange.ts";

/** Answers with JSON of any status; a 503 says when to come back. */
export function replyStatus(exchange: Exchange, status: number, body: unknown): void {
  const lines = status === 503 ? "retry-after: 1\r\n" : "";
  exchange.reply({ status, contentType: "application/json", lines }, JSON.stringify(body));
}
