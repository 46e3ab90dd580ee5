/**
 * Runs rows that were read and gives the outputs back, in the order of the signature.
 *
 * The steps that every foreign dialect has in common between reading and writing.
 */
import { ServingError } from "../../../base/index.ts";
import { emptyOutputs } from "../../../model/index.ts";
import type { ServedVersion, Service } from "../../../service/index.ts";
import type { Tensor } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { type DecodedRows, formRequest, type RowServing } from "../simple/form-request.ts";

export interface RowsRun {
  readonly served: ServedVersion;
  readonly serving: RowServing;
  readonly decoded: DecodedRows;
}

/**
 * The wanted outputs of all rows.
 * @throws INVALID_INPUT, LIMIT_EXCEEDED, and what the predictor throws
 */
export async function runRows(
  service: Service,
  exchange: Exchange,
  { served, serving, decoded }: RowsRun,
): Promise<readonly Tensor[]> {
  const request = formRequest(served, serving, decoded);
  exchange.items = request.items;
  exchange.times.decodedAtMs = service.clock.nowMs();
  if (request.items > 0) return (await service.infer(served, request, exchange)).outputs;
  const outputs = emptyOutputs(served.signature, serving.wanted);
  if (outputs !== undefined) return outputs;
  const message = `${decoded.field}: no rows, expected at least 1`;
  throw new ServingError("INVALID_INPUT", message, { field: decoded.field });
}
