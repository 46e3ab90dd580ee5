/**
 * The routes of the simple dialect.
 */
import type { Service } from "../../../service/index.ts";
import type { Route } from "../http/router.ts";
import { batchPredict } from "./batch/batch-predict.ts";
import type { ParseThread } from "./parse-thread.ts";
import { predict } from "./predict.ts";
import { makeReadBody } from "./read-body.ts";

/** @param thread reads bodies that are too large for the event loop */
export function simpleRoutes(service: Service, thread: ParseThread): Route[] {
  const readBody = makeReadBody(service, thread);
  const route = { service, thread, readBody };
  const json = { method: "POST", body: "json", dialect: "simple" } as const;
  return [
    { ...json, path: "/predict", handle: (exchange) => predict(route, exchange) },
    { ...json, path: "/batch_predict", handle: (exchange) => batchPredict(route, exchange) },
  ];
}
