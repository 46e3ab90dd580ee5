/**
 * The inference routes of TorchServe.
 */
import type { Route } from "../http/router.ts";
import type { RowsRoute } from "../rows/rows-thread.ts";
import { predictions } from "./predict.ts";

export function torchserveRoutes(route: RowsRoute): Route[] {
  return ["/predictions/:model", "/predictions/:model/:version"].map((path) => ({
    method: "POST",
    path,
    body: "json",
    dialect: "torchserve",
    handle: (exchange) => predictions(route, exchange),
  }));
}
