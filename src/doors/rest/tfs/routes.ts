/**
 * The routes of TensorFlow Serving's REST API and of KServe v1, which share their paths.
 *
 * A verb is the end of the last segment (`churn:predict`), so it is cut off behind the router.
 */
import { ServingError } from "../../../base/index.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";
import { call, type TfsRoute } from "./infer.ts";
import { describe, listModels } from "./queries.ts";

const model = "/v1/models/:model";

export function tfsRoutes(route: TfsRoute): Route[] {
  const { service } = route;
  const get = { method: "GET", body: "none", dialect: "oip" } as const;
  const post = { method: "POST", body: "json", dialect: "oip" } as const;
  const asked = (exchange: Exchange): void => {
    refuseCall(exchange);
    describe(service, exchange);
  };
  return [
    { ...get, path: "/v1/models", handle: (exchange) => listModels(service, exchange) },
    ...["", "/:kind", "/:kind/:version", "/:kind/:version/:part"].map((end) => ({
      ...get,
      path: model + end,
      handle: asked,
    })),
    ...["", "/:kind/:version"].map((end) => ({
      ...post,
      path: model + end,
      handle: (exchange: Exchange) => call(route, exchange),
    })),
  ];
}

/** A call that was sent as a question. */
function refuseCall({ parameters }: Exchange): void {
  if (parameters.at(-1)?.includes(":") !== true) return;
  throw new ServingError("METHOD_NOT_ALLOWED", "the call answers POST, not GET", { field: "POST" });
}
