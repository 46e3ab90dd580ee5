/**
 * Writes the rows of `/predict/stream` in the format that was asked for, and counts them.
 */
import type { Clock, ServingError } from "../../../base/index.ts";
import type { ReplyStream } from "../http/carrier.ts";
import type { RowEnd, RowsOf } from "../simple/batch/run-rows.ts";
import { type AnsweredRow, writeRow } from "../simple/batch/write-row.ts";
import { predictionText, probabilitiesText } from "../simple/item-text.ts";
import type { RowFormat } from "./row-format.ts";
import type { StreamSource } from "./stream-source.ts";
import { TextSink } from "./text-sink.ts";

/** Between two reports of progress, ms. */
const progressMs = 1_000;

export interface RowWriterOptions {
  readonly response: ReplyStream;
  readonly format: RowFormat;
  readonly rows: RowsOf;
  readonly source: StreamSource;
  readonly clock: Clock;
  /** Rows that were written to an earlier reader. */
  readonly done: number;
  readonly hasProgress: boolean;
}

export class RowWriter {
  readonly sink: TextSink<RowEnd>;
  readonly #options: RowWriterOptions;
  #done: number;
  #failed = 0;
  #progressAtMs: number;

  constructor(options: RowWriterOptions) {
    this.#options = options;
    this.#done = options.done;
    for (const index of options.source.failed) if (index < options.done) this.#failed += 1;
    this.#progressAtMs = options.clock.nowMs();
    this.sink = new TextSink(options.response, {
      of: (end) => this.#row(end),
      behind: () => this.#progress(false),
    });
    this.sink.send(options.format.opening);
  }

  /** All rows are written. */
  finish(): void {
    const { format, source } = this.#options;
    const last = this.#progress(true);
    this.sink.send(last + format.done(source.total, JSON.stringify(this.#counts())));
  }

  /** The stream ends before its last row. */
  fail({ message, code }: ServingError): void {
    this.sink.send(this.#options.format.fatal(JSON.stringify({ error: message, code })));
  }

  #row(end: RowEnd): string {
    const { format, rows, source } = this.#options;
    const { index } = end;
    const { text, error } = writeRow(rows, end, rowJson);
    this.#done += 1;
    if (text !== undefined) return format.prediction(index, text);
    this.#failed += 1;
    source.failed.add(index);
    return format.fault(index, JSON.stringify({ index, error: error?.message, code: error?.code }));
  }

  /** A report, once a second at most unless it `isLast`. */
  #progress(isLast: boolean): string {
    const { format, clock, hasProgress } = this.#options;
    if (!hasProgress) return "";
    const nowMs = clock.nowMs();
    if (!isLast && nowMs - this.#progressAtMs < progressMs) return "";
    this.#progressAtMs = nowMs;
    return format.progress(JSON.stringify({ progress: this.#counts() }));
  }

  #counts(): { done: number; failed: number; total: number } {
    return { done: this.#done, failed: this.#failed, total: this.#options.source.total };
  }
}

/** A row that was answered, as JSON. */
function rowJson({ answer, place, index }: AnsweredRow, { decoded }: RowsOf): string {
  const prediction = predictionText(answer, place);
  const text = decoded.texts?.[index];
  if (text !== undefined) {
    return `{"index":${index},"text":${JSON.stringify(text)},"prediction":${prediction}}`;
  }
  const scores = probabilitiesText(answer, place);
  const probability = scores === undefined ? "" : `,"probability":${scores}`;
  return `{"index":${index},"prediction":${prediction}${probability}}`;
}
