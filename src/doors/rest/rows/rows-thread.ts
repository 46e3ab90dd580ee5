/**
 * Reads a body of rows where it stands: here when it is small, in a parsing thread when it is not.
 */
import type { Service, SimplePlan } from "../../../service/index.ts";
import type { Offload } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { decodeBody } from "./decode-body.ts";
import type { RowsRequest, RowsRules } from "./rows-request.ts";

/** What reading needs of the server. */
export interface RowsRoute {
  readonly service: Service;
  readonly threads: Offload;
}

/** The work of a thread. */
export interface RowsJob {
  readonly bytes: Uint8Array;
  readonly plan: SimplePlan;
  readonly rules: RowsRules;
}

/** @throws what `decodeBody` throws; in a thread also OVERLOADED, INTERNAL (the thread died) */
export function readRows(
  { service, threads }: RowsRoute,
  exchange: Exchange,
  { plan, rules }: Pick<RowsJob, "plan" | "rules">,
): RowsRequest | Promise<RowsRequest> {
  const { body, cancellation } = exchange;
  if (body.length <= service.limits.jsonInlineBytesMax) return decodeBody(body, plan, rules);
  service.metrics.http.jsonOffloaded += 1;
  const payload: RowsJob = { bytes: body, plan, rules };
  const read = threads.run({ task: "decodeRows", payload, cancellation });
  return read.then((request) => request as RowsRequest);
}
