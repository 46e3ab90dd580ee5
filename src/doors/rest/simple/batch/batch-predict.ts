/**
 * `POST /batch_predict`: many predictions in one request, each of which may fail alone.
 *
 * Two kinds of body: a list of calls (form `call`, each with its own model), answered by a list of
 * equal length and order; or one object with `instances` or `texts`, answered by columns with
 * `null` where a row failed and a list of errors. The reply is 200 when the envelope can be read;
 * the header `x-items-failed` counts what failed.
 */
import { ServingError } from "../../../../base/index.ts";
import type { Service } from "../../../../service/index.ts";
import { JsonReader } from "../../../../tensor/index.ts";
import type { Exchange } from "../../http/exchange.ts";
import { checkJsonType } from "../../http/exchange-work.ts";
import { msText } from "../../http/number-text.ts";
import { serverTimingLine } from "../../http/server-timing.ts";
import type { RowFault, SimpleRequest } from "../decode.ts";
import { confidenceText, predictionText, probabilitiesText } from "../item-text.ts";
import type { ReadBody, ReadSimple } from "../read-body.ts";
import { predictionsText } from "../reply.ts";
import { simpleServing } from "../serving.ts";
import { answerCalls, type CallsRoute } from "./answer-calls.ts";
import { type RowEnd, type RowsOf, runRows } from "./run-rows.ts";
import { type AnsweredRow, writeRow } from "./write-row.ts";

export interface BatchRoute extends CallsRoute {
  readonly readBody: ReadBody;
}

const openBracket = 0x5b;

export async function batchPredict(route: BatchRoute, exchange: Exchange): Promise<void> {
  checkJsonType(exchange.headers.contentType);
  const reader = new JsonReader(exchange.body, route.service.limits.jsonDepthMax);
  if (reader.peekByte() === openBracket) await answerList(route, exchange);
  else await answerRows(route, exchange, await route.readBody(exchange, { isTolerant: true }));
}

async function answerList(route: BatchRoute, exchange: Exchange): Promise<void> {
  const ends = await answerCalls(route, exchange);
  const failed = ends.filter((end) => end.isFailed).length;
  const isSkipping = exchange.query.get("on_error") === "skip";
  const shown = isSkipping ? ends.filter((end) => !end.isFailed) : ends;
  const text = `[${shown.map((end) => end.text).join(",")}]`;
  finish(exchange, route.service, { text, failed });
}

async function answerRows(route: BatchRoute, exchange: Exchange, read: ReadSimple): Promise<void> {
  const { service } = route;
  const { served, decoded } = read;
  if (decoded.field !== "instances" && decoded.field !== "texts") {
    const message =
      "Missing 'instances' in request: expected 'instances', 'texts' or a list of calls";
    throw new ServingError("INVALID_INPUT", message, { field: "instances" });
  }
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  exchange.items = decoded.items;
  exchange.times.decodedAtMs = service.clock.nowMs();
  const rows: RowsOf = { service, served, serving, decoded, context: exchange };
  const ran = decoded.items === 0 ? [] : await runRows(rows, 0, decoded.items);
  const { columns, faults } = columnsOf(rows, inOrder(ran, decoded));
  const errors = faults.length === 0 ? "" : `,"errors":[${faults.map(errorText).join(",")}]`;
  const latency = msText(service.clock.nowMs() - exchange.times.arrivedAtMs);
  const text = `{${columns}${errors},${serving.names},"latency_ms":${latency}}`;
  finish(exchange, service, { text, failed: faults.length });
}

function inOrder(ran: readonly RowEnd[], decoded: SimpleRequest): RowEnd[] {
  const faults = decoded.faults.map((fault) => ({ ...fault, answer: undefined, place: 0 }));
  return [...ran, ...faults].sort((a, b) => a.index - b.index);
}

interface Columns {
  readonly columns: string;
  readonly faults: readonly RowFault[];
}

function columnsOf(rows: RowsOf, ends: readonly RowEnd[]): Columns {
  if (rows.decoded.field === "texts") return textColumn(rows, ends);
  const first = ends[0]?.answer;
  // An answer of as many items as there are rows is the answer of them all.
  if (first?.items !== ends.length) return valueColumns(rows, ends);
  try {
    return { columns: predictionsText(first), faults: [] };
  } catch {
    // A row that JSON cannot say: row by row it is known which.
    return valueColumns(rows, ends);
  }
}

function valueColumns(rows: RowsOf, ends: readonly RowEnd[]): Columns {
  const hasScores = ends.some(({ answer }) => answer?.probability !== undefined);
  const scores: string[] = [];
  const { texts, faults } = writeRows(rows, ends, ({ answer, place }) => {
    const prediction = predictionText(answer, place);
    if (hasScores) scores.push(probabilitiesText(answer, place) ?? "null");
    return prediction;
  });
  const predictions = `"predictions":[${texts.map(orNull).join(",")}]`;
  if (!hasScores) return { columns: predictions, faults };
  let next = 0;
  const placed = texts.map((text) => (text === undefined ? "null" : scores[next++]));
  return { columns: `${predictions},"probabilities":[${placed.join(",")}]`, faults };
}

function textColumn(rows: RowsOf, ends: readonly RowEnd[]): Columns {
  const { texts, faults } = writeRows(rows, ends, ({ answer, place }) => {
    const confidence = confidenceText(answer, place);
    const more = confidence === undefined ? "" : `,"confidence":${confidence}`;
    return `{"sentiment":${predictionText(answer, place)}${more}}`;
  });
  return { columns: `"predictions":[${texts.map(orNull).join(",")}]`, faults };
}

function writeRows(
  rows: RowsOf,
  ends: readonly RowEnd[],
  write: (row: AnsweredRow) => string,
): { readonly texts: readonly (string | undefined)[]; readonly faults: readonly RowFault[] } {
  const faults: RowFault[] = [];
  const texts = ends.map((end) => {
    const { text, error } = writeRow(rows, end, write);
    if (error !== undefined) faults.push({ index: end.index, error });
    return text;
  });
  return { texts, faults };
}

function orNull(text: string | undefined): string {
  return text ?? "null";
}

function errorText({ index, error }: RowFault): string {
  return JSON.stringify({ index, code: error.code, error: error.message });
}

function finish(
  exchange: Exchange,
  service: Service,
  { text, failed }: { readonly text: string; readonly failed: number },
): void {
  const timing = serverTimingLine(exchange.times, service.clock.nowMs());
  exchange.replyJson(text, `x-items-failed: ${failed}\r\n${timing}`);
}
