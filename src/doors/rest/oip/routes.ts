/** Interim until the routes land. */
import type { Route } from "../http/router.ts";

export function oipRoutes(_options: unknown): Route[] {
  return [];
}
