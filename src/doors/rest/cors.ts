/**
 * Which pages of other origins a browser lets call this server (CORS, the Fetch standard).
 *
 * Off unless origins are named: a model server is called by servers, and a page that may call it
 * can use every model. Credentials are never allowed, because nothing here reads a cookie. A
 * preflight is answered before any route is looked for; every other request of an allowed origin is
 * answered as always, with the lines that let the page read the answer.
 */
import {
  anyOrigin,
  areHeaderNames,
  type CorsSettings,
  isOriginNamed,
  quote,
  ServingError,
} from "../../base/index.ts";
import type { Exchange } from "./http/exchange.ts";

const methods = "GET, POST, PUT, DELETE";

/** Reply headers that a page may read beside the few that it always may. */
const exposed =
  "x-request-id, x-error-code, x-items-failed, x-stream-id, server-timing, retry-after, " +
  "inference-header-content-length";

/**
 * What is done with each exchange before its route: true when it was a preflight and is answered.
 * `undefined` when no origin is allowed, so that nothing is paid for it.
 */
export function makeCors(settings: CorsSettings): ((exchange: Exchange) => boolean) | undefined {
  const { origins } = settings;
  if (origins.length === 0) return undefined;
  const isAny = origins.includes(anyOrigin);
  return (exchange) => {
    const origin = headerOf(exchange, "origin");
    if (origin === "") return false;
    const isAllowed = isOriginNamed(origin, origins);
    const asked = headerOf(exchange, "access-control-request-method");
    const isPreflight = exchange.request.method === "OPTIONS" && asked !== "";
    if (isAllowed) {
      exchange.headLines +=
        `access-control-allow-origin: ${isAny ? "*" : origin}\r\n` +
        `${isAny ? "" : "vary: origin\r\n"}access-control-expose-headers: ${exposed}\r\n`;
    }
    if (!isPreflight) return false;
    if (!isAllowed) throw notAllowed(origin);
    replyPreflight(exchange, settings.maxAgeS);
    return true;
  };
}

function replyPreflight(exchange: Exchange, maxAgeS: number): void {
  const names = headerOf(exchange, "access-control-request-headers");
  const headers = areHeaderNames(names) ? names : "content-type";
  const lines =
    `access-control-allow-methods: ${methods}\r\n` +
    `access-control-allow-headers: ${headers}\r\naccess-control-max-age: ${maxAgeS}\r\n`;
  exchange.reply({ status: 200, contentType: "text/plain", lines }, "");
}

function headerOf({ request }: Exchange, name: string): string {
  const raw = request.rawHeaders;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (raw[index]?.toLowerCase() === name) return raw[index + 1] ?? "";
  }
  return "";
}

function notAllowed(origin: string): ServingError {
  const message = `origin ${quote(origin)} is not allowed to call this server (cors.origins)`;
  return new ServingError("PERMISSION_DENIED", message, { field: "origin" });
}
