/**
 * `POST /predictions/M[/V]`: a value in, the JSON value of its prediction out.
 *
 * One row is answered with one value, a list of rows with a list, `instances` with `predictions`; a
 * prediction is what the simple dialect says for the same row.
 */
import { ServingError } from "../../../base/index.ts";
import { makeAnswer, type ServedVersion } from "../../../service/index.ts";
import { ByteStrings, makeTensor } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn } from "../http/exchange-work.ts";
import { serverTimingLine } from "../http/server-timing.ts";
import type { RowsRequest } from "../rows/rows-request.ts";
import { type RowsRoute, readRows } from "../rows/rows-thread.ts";
import { runRows } from "../rows/run-rows.ts";
import { allPredictionsText, predictionText } from "../simple/item-text.ts";
import { type SimpleServing, simpleServing } from "../simple/serving.ts";
import { bodyOf } from "./body.ts";

/** Answers one call. */
export async function predictions(route: RowsRoute, exchange: Exchange): Promise<void> {
  const { service } = route;
  const [model = "", version] = exchange.parameters;
  const served = service.find(model, version);
  beginOn(exchange, served);
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  const decoded = await read(route, exchange, { served, serving });
  const outputs = await runRows(service, exchange, { served, serving, decoded });
  const answer = makeAnswer(serving.answerPlan, outputs, decoded.items);
  const all = (): string => `[${allPredictionsText(answer, false)}]`;
  const { valueForm } = decoded;
  const text = valueForm === "one" ? predictionText(answer, 0) : all();
  exchange.writtenAtMs = service.clock.nowMs();
  const body = valueForm === "instances" ? `{"predictions":${text}}` : text;
  exchange.replyJson(body, serverTimingLine(exchange.times, exchange.writtenAtMs));
}

interface ReadFor {
  readonly served: ServedVersion;
  readonly serving: SimpleServing;
}

async function read(
  route: RowsRoute,
  exchange: Exchange,
  { served, serving }: ReadFor,
): Promise<RowsRequest> {
  const { bytes, isJson } = bodyOf(exchange);
  if (!isJson) return rawRow(bytes, served, serving);
  exchange.body = bytes;
  const limits = { ...serving.limits, isForeign: true };
  const rules = { format: "value", limits, keys: [] } as const;
  return await readRows(route, exchange, { plan: serving.plan, rules });
}

/** The bytes as the only element of the only input. @throws INVALID_INPUT, LIMIT_EXCEEDED */
function rawRow(
  bytes: Buffer,
  served: ServedVersion,
  { plan, limits }: SimpleServing,
): RowsRequest {
  const { stringElementBytesMax } = limits;
  if (plan.kind !== "text") {
    const message = `data: model '${served.model}' takes numbers, expected a body of JSON`;
    throw new ServingError("INVALID_INPUT", message, { field: "data" });
  }
  if (bytes.length > stringElementBytesMax) {
    const limit = `the limit is ${stringElementBytesMax} (stringElementBytesMax)`;
    const message = `data: ${bytes.length} bytes; ${limit}`;
    const place = { field: "data", limit: "stringElementBytesMax" } as const;
    throw new ServingError("LIMIT_EXCEEDED", message, place);
  }
  const spec = served.signature.inputs[0];
  const shape = (spec?.shape ?? []).map(() => 1);
  const elements = ByteStrings.fromBytes([bytes]);
  return {
    form: "rows",
    valueForm: "one",
    tensors: [makeTensor("BYTES", shape, elements)],
    items: 1,
    field: "data",
    indexes: undefined,
    signatureName: undefined,
  };
}
