/**
 * `POST /invocations`: one route for SageMaker, MLflow and Vertex, whose bodies differ.
 *
 * The content type says what the body is; a JSON body is told apart by its first key that names a
 * form. Rows are answered with predictions alone, in the form that the caller accepts; tensors and
 * `/predict` bodies are answered by their own dialects.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { makeAnswer, type ServedVersion } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn } from "../http/exchange-work.ts";
import { serverTimingLine } from "../http/server-timing.ts";
import { inferOn } from "../oip/infer.ts";
import type { RowsFormat, RowsKey } from "../rows/rows-request.ts";
import { type RowsRoute, readRows } from "../rows/rows-thread.ts";
import { runRows } from "../rows/run-rows.ts";
import { writePredictions } from "../rows/write-predictions.ts";
import { type PredictRoute, predict } from "../simple/predict.ts";
import { namedOutside } from "../simple/read-body.ts";
import { simpleServing } from "../simple/serving.ts";
import { formOf } from "./choose-form.ts";
import { answerOf, type Media, mediaOf } from "./media.ts";

/** What the route needs of the server; `readBody` reads `/predict` bodies. */
export type InvocationsRoute = RowsRoute & PredictRoute;

const rowsKeys: readonly RowsKey[] = [
  "dataframe_split",
  "dataframe_records",
  "instances",
  "inputs",
];

/** Answers a body for the model that the request names outside of it, else the only one. */
export async function invoke(route: InvocationsRoute, exchange: Exchange): Promise<void> {
  exchange.headLines += attributesLine(exchange);
  const media = mediaOf(exchange.headers.contentType);
  if (media.kind === "tensors") return await runTensors(route, exchange, media);
  checkSize(route, exchange);
  if (media.kind !== "json") {
    return await answerRows(route, exchange, media.kind);
  }
  const form = await formOf(route.threads, exchange, route.service.limits);
  if (form === "rows") return await answerRows(route, exchange, "json");
  if (form === "simple") return await predict(route, exchange);
  const served = begin(route, exchange);
  await inferOn(route, exchange, served);
}

/** A header that speaks of tensors lets in what is too large for text. @throws PAYLOAD_TOO_LARGE */
function checkSize({ service }: InvocationsRoute, { body }: Exchange): void {
  const { jsonBodyBytesMax } = service.limits;
  if (body.length <= jsonBodyBytesMax) return;
  const message = `the body has ${body.length} bytes; the limit is ${jsonBodyBytesMax}`;
  throw new ServingError("PAYLOAD_TOO_LARGE", `${message} (jsonBodyBytesMax)`, {
    limit: "jsonBodyBytesMax",
  });
}

/** Answers for the model that the path names. */
export async function invokeNamed(route: InvocationsRoute, exchange: Exchange): Promise<void> {
  exchange.headers.model = exchange.parameters[0] ?? "";
  // The path has named it: a query may not name another one.
  exchange.queryText = "";
  await invoke(route, exchange);
}

function begin({ service }: InvocationsRoute, exchange: Exchange): ServedVersion {
  const { model, version } = namedOutside(exchange);
  const served = service.find(model ?? service.needModel(), version);
  beginOn(exchange, served);
  return served;
}

async function runTensors(
  route: InvocationsRoute,
  exchange: Exchange,
  { type, headerBytes }: Extract<Media, { kind: "tensors" }>,
): Promise<void> {
  exchange.headers.inferenceHeaderLength = headerBytes;
  const served = begin(route, exchange);
  const binaryType = (bytes: number): string => `${type};json-header-size=${bytes}`;
  await inferOn({ ...route, binaryType }, exchange, served);
}

async function answerRows(
  route: InvocationsRoute,
  exchange: Exchange,
  format: RowsFormat,
): Promise<void> {
  const { service } = route;
  const served = begin(route, exchange);
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  const limits = { ...serving.limits, isForeign: true };
  const rules = { format, limits, keys: rowsKeys };
  const decoded = await readRows(route, exchange, { plan: serving.plan, rules });
  const outputs = await runRows(service, exchange, { served, serving, decoded });
  const answer = makeAnswer(serving.answerPlan, outputs, decoded.items);
  const { text, contentType } = writePredictions(answer, answerOf(exchange.headers.accept));
  exchange.writtenAtMs = service.clock.nowMs();
  const timing = serverTimingLine(exchange.times, exchange.writtenAtMs);
  exchange.reply({ status: 200, contentType, lines: timing }, text);
}

const attributesHeader = "x-amzn-sagemaker-custom-attributes";
const attributesMax = 1_024;

/** The head line that echoes the caller's own words, or "". @throws INVALID_REQUEST */
function attributesLine({ request }: Exchange): string {
  const raw = request.rawHeaders;
  const at = raw.findIndex(
    (name, index) => index % 2 === 0 && name.toLowerCase() === attributesHeader,
  );
  const value = at === -1 ? "" : (raw[at + 1] ?? "");
  if (value === "") return "";
  if (value.length <= attributesMax && isVisibleAscii(value)) {
    return `${attributesHeader}: ${value}\r\n`;
  }
  const wanted = `at most ${attributesMax} visible ASCII characters`;
  const message = `header '${attributesHeader}': expected ${wanted}, got ${quote(value)}`;
  throw new ServingError("INVALID_REQUEST", message, { field: attributesHeader });
}

function isVisibleAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
