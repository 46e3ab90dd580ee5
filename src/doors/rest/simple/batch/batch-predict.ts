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
import type { SimpleRequest } from "../decode.ts";
import type { ReadBody, ReadSimple } from "../read-body.ts";
import { simpleServing } from "../serving.ts";
import { answerCalls, type CallsRoute } from "./answer-calls.ts";
import { type RowEnd, type RowsOf, runRows } from "./run-rows.ts";
import { areLarge, columnsJob, writeColumns } from "./write-columns.ts";

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
  const ends = inOrder(ran, decoded);
  const tail = (): string => {
    const latency = msText(service.clock.nowMs() - exchange.times.arrivedAtMs);
    return `,${serving.names},"latency_ms":${latency}}`;
  };
  if (!areLarge(ends)) {
    const { text, failed } = writeColumns(rows, ends);
    finish(exchange, service, { text: `{${text}${tail()}`, failed });
    return;
  }
  service.metrics.http.repliesOffloaded += 1;
  const { cancellation } = exchange;
  const { bytes, failed } = await route.thread.writeColumns(columnsJob(rows, ends), cancellation);
  const lines = headLines(exchange, service, failed);
  const head = { status: 200, contentType: "application/json", lines };
  exchange.replyParts(head, [Buffer.from("{"), bytes, Buffer.from(tail())]);
}

function inOrder(ran: readonly RowEnd[], decoded: SimpleRequest): RowEnd[] {
  const faults = decoded.faults.map((fault) => ({ ...fault, answer: undefined, place: 0 }));
  return [...ran, ...faults].sort((a, b) => a.index - b.index);
}

function finish(
  exchange: Exchange,
  service: Service,
  { text, failed }: { readonly text: string; readonly failed: number },
): void {
  exchange.replyJson(text, headLines(exchange, service, failed));
}

function headLines(exchange: Exchange, service: Service, failed: number): string {
  const timing = serverTimingLine(exchange.times, service.clock.nowMs());
  return `x-items-failed: ${failed}\r\n${timing}`;
}
