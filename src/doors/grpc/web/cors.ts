/**
 * Which pages may call the door (CORS, the Fetch standard): those of the origins that the operator
 * named, none by default.
 *
 * Every call of gRPC-Web has a content type for which a browser asks first (a preflight), so no
 * page calls unasked. Credentials are never allowed: nothing here reads a cookie.
 */
import {
  anyOrigin,
  areHeaderNames,
  type CorsSettings,
  isOriginNamed,
  quote,
  ServingError,
} from "../../../base/index.ts";
import type { WebPeer } from "./web-peer.ts";

/** What clients of gRPC-Web send, for a preflight that names nothing. */
const allowedHeaders = "content-type, x-grpc-web, x-user-agent, grpc-timeout";

/** Reply headers that a page may read beside the few that it always may. */
const exposedHeaders =
  "grpc-status, grpc-message, grpc-encoding, x-request-id, x-error-code, retry-after";

/** What a reply to the page says; empty for a caller that is no page, or of no named origin. */
export function corsHeadersOf(peer: WebPeer, settings: CorsSettings): Record<string, string> {
  const { origins } = settings;
  const origin = peer.headers["origin"] ?? "";
  if (origin === "" || !isOriginNamed(origin, origins)) return {};
  const isAny = origins.includes(anyOrigin);
  return {
    "access-control-allow-origin": isAny ? anyOrigin : origin,
    ...(isAny ? {} : { vary: "origin" }),
    "access-control-expose-headers": exposedHeaders,
  };
}

/** True for the question whether a page may call. */
export function isPreflight({ method, headers }: WebPeer): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

/** What a preflight is answered. @throws PERMISSION_DENIED for a page of another origin */
export function preflightHeadersOf(peer: WebPeer, settings: CorsSettings): Record<string, string> {
  const headers = corsHeadersOf(peer, settings);
  const origin = peer.headers["origin"] ?? "";
  if (headers["access-control-allow-origin"] === undefined) {
    const message = `origin ${quote(origin)} is not allowed to call this server (cors.origins)`;
    throw new ServingError("PERMISSION_DENIED", message, { field: "origin" });
  }
  const asked = peer.headers["access-control-request-headers"] ?? "";
  return {
    ...headers,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": areHeaderNames(asked) ? asked : allowedHeaders,
    "access-control-max-age": String(settings.maxAgeS),
  };
}
