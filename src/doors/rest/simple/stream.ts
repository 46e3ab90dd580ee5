/**
 * `POST /predict/stream`: a line of JSON per row, as each completes.
 *
 * Rows run in slices, a few slices at once; a slice's lines leave together when it is back, so the
 * order is that of completion and each line carries its index. A reader that is slower than the
 * model pauses the next slices, so at most `streamBufferBytesMax` and the slices under way are
 * held for it; a reader that leaves cancels what has not run.
 */
import type { ServerResponse } from "node:http";
import { ServingError } from "../../../base/index.ts";
import type { Service } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { checkJsonType } from "../http/exchange-work.ts";
import { type RowEnd, type RowsOf, runRows } from "./batch/run-rows.ts";
import { type AnsweredRow, writeRow } from "./batch/write-row.ts";
import type { RowFault } from "./decode.ts";
import { predictionText, probabilitiesText } from "./item-text.ts";
import type { ReadBody } from "./read-body.ts";
import { simpleServing } from "./serving.ts";

export interface StreamRoute {
  readonly service: Service;
  readonly readBody: ReadBody;
  /** Streams that are open now. */
  readonly open: { count: number };
}

const slicesMax = 4;
const sliceRowsMax = 32;
const progressMs = 1_000;
/** Characters of lines that are worth a write before their slice is through. */
const writeLengthMin = 64 * 1024;

export async function streamPredict(route: StreamRoute, exchange: Exchange): Promise<void> {
  const { service, open } = route;
  checkJsonType(exchange.headers.contentType);
  const { streamsMax } = service.limits;
  if (open.count >= streamsMax) {
    const message = `${streamsMax} streams are open (streamsMax)`;
    throw new ServingError("OVERLOADED", message, { limit: "streamsMax" });
  }
  // From here on, or all that wait for their bodies would pass the limit together.
  open.count += 1;
  try {
    await answerStream(route, exchange);
  } finally {
    open.count -= 1;
  }
}

async function answerStream({ service, readBody }: StreamRoute, exchange: Exchange): Promise<void> {
  const { served, decoded } = await readBody(exchange, { isTolerant: true });
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  exchange.items = decoded.items;
  exchange.times.decodedAtMs = service.clock.nowMs();
  const response = exchange.beginStream({ contentType: "application/x-ndjson", lines: "" });
  if (response === undefined) return;
  try {
    const rows: RowsOf = { service, served, serving, decoded, context: exchange };
    const writer = new LineWriter(response, service, exchange.query.get("progress") === "1");
    await writeRows(rows, writer);
    exchange.endStream("OK");
  } catch (thrown) {
    const error = ServingError.from(thrown);
    if (!response.destroyed) {
      response.write(`${JSON.stringify({ error: error.message, code: error.code })}\n`);
    }
    exchange.endStream(error.code, error);
  } finally {
    response.end();
  }
}

/** Settles once nothing writes any more. @throws the first fault that ended a runner */
async function writeRows(rows: RowsOf, writer: LineWriter): Promise<void> {
  const { decoded } = rows;
  writer.total = decoded.items + decoded.faults.length;
  await writeEnds(rows, writer, decoded.faults.map(faultyEnd));
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < decoded.items && !rows.context.cancellation.isCancelled) {
      const from = next;
      next = Math.min(from + sliceRowsMax, decoded.items);
      try {
        await writeEnds(rows, writer, await runRows(rows, from, next));
      } catch (thrown) {
        next = decoded.items;
        throw thrown;
      }
    }
  };
  const runners: Promise<void>[] = [];
  for (let index = 0; index < slicesMax; index += 1) runners.push(runner());
  for (const end of await Promise.allSettled(runners)) {
    if (end.status === "rejected") throw end.reason;
  }
  if (!rows.context.cancellation.isCancelled) writer.progress(true);
}

async function writeEnds(rows: RowsOf, writer: LineWriter, ends: readonly RowEnd[]): Promise<void> {
  for (const end of ends) {
    const { text, error } = writeRow(rows, end, line);
    const { index } = end;
    writer.add(text ?? faultLine(index, error), error !== undefined);
    if (writer.isFull) await writer.flush();
  }
  await writer.flush();
}

function faultyEnd({ index, error }: RowFault): RowEnd {
  return { index, answer: undefined, place: 0, error };
}

function line({ answer, place, index }: AnsweredRow, { decoded }: RowsOf): string {
  const prediction = predictionText(answer, place);
  const text = decoded.texts?.[index];
  if (text !== undefined) {
    return `{"index":${index},"text":${JSON.stringify(text)},"prediction":${prediction}}\n`;
  }
  const scores = probabilitiesText(answer, place);
  const probability = scores === undefined ? "" : `,"probability":${scores}`;
  return `{"index":${index},"prediction":${prediction}${probability}}\n`;
}

function faultLine(index: number, error: ServingError | undefined): string {
  return `${JSON.stringify({ index, error: error?.message, code: error?.code })}\n`;
}

/** Writes lines, many at a time, and waits when the reader is behind. */
class LineWriter {
  total = 0;
  /** Lines for the next write, at most `writeLengthMin` and one more line. */
  #lines = "";
  #done = 0;
  #failed = 0;
  #progressAtMs: number;
  readonly #response: ServerResponse;
  readonly #service: Service;
  readonly #hasProgress: boolean;

  constructor(response: ServerResponse, service: Service, hasProgress: boolean) {
    this.#response = response;
    this.#service = service;
    this.#hasProgress = hasProgress;
    this.#progressAtMs = service.clock.nowMs();
  }

  /** True when what was taken is worth a write of its own. */
  get isFull(): boolean {
    return this.#lines.length >= writeLengthMin;
  }

  /** Takes a line for the next write. */
  add(text: string, isFailed: boolean): void {
    this.#done += 1;
    if (isFailed) this.#failed += 1;
    this.#lines += text;
  }

  /** Writes what was taken, in one write; settles when the reader has room for more. */
  async flush(): Promise<void> {
    if (this.#lines !== "") this.#response.write(this.#lines);
    this.#lines = "";
    this.progress(false);
    const { streamBufferBytesMax } = this.#service.limits;
    if (this.#response.writableLength > streamBufferBytesMax) await this.#drained();
  }

  /** A progress line, once a second at most unless `isLast`. */
  progress(isLast: boolean): void {
    if (!this.#hasProgress) return;
    const nowMs = this.#service.clock.nowMs();
    if (!isLast && nowMs - this.#progressAtMs < progressMs) return;
    this.#progressAtMs = nowMs;
    const progress = { done: this.#done, failed: this.#failed, total: this.total };
    this.#response.write(`${JSON.stringify({ progress })}\n`);
  }

  /** Settles when the reader has caught up or left. */
  async #drained(): Promise<void> {
    const response = this.#response;
    if (response.destroyed) return;
    await new Promise<void>((done) => {
      const settle = (): void => {
        response.off("drain", settle);
        response.off("close", settle);
        done();
      };
      response.on("drain", settle);
      response.on("close", settle);
    });
  }
}
