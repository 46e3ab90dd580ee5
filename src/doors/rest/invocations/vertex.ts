/**
 * The two routes that Vertex AI names for itself in `AIP_HEALTH_ROUTE` and `AIP_PREDICT_ROUTE`.
 *
 * A route that is there already stays: `/ping`, `/health` and `/predict` answer what Vertex asks.
 */
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";

export interface VertexRoutes {
  /** Paths, or "" for none. */
  readonly healthRoute: string;
  readonly predictRoute: string;
}

/** @param answers what the two routes do */
export function vertexRoutes(
  { healthRoute, predictRoute }: VertexRoutes,
  known: readonly Route[],
  answers: { health(exchange: Exchange): void; predict(exchange: Exchange): Promise<void> },
): Route[] {
  const health = {
    method: "GET",
    path: healthRoute,
    body: "none",
    dialect: "oip",
    handle: (exchange: Exchange) => answers.health(exchange),
  } as const;
  const predict = {
    method: "POST",
    path: predictRoute,
    body: "tensors",
    dialect: "oip",
    handle: (exchange: Exchange) => answers.predict(exchange),
  } as const;
  return [health, predict].filter(
    ({ method, path }) =>
      path !== "" && !known.some((route) => route.method === method && route.path === path),
  );
}
