/**
 * Writes the rows of a stream to an HTTP reply, many at a time, and counts them.
 *
 * Text is made of a slice only as the reader takes it: tensors are smaller than their text.
 */
import type { ServerResponse } from "node:http";
import type { Clock, ServingError } from "../../../base/index.ts";
import type { FlowSink } from "../../../service/index.ts";
import type { RowEnd, RowsOf } from "../simple/batch/run-rows.ts";
import { type AnsweredRow, writeRow } from "../simple/batch/write-row.ts";
import { predictionText, probabilitiesText } from "../simple/item-text.ts";
import type { RowFormat } from "./row-format.ts";
import type { StreamSource } from "./stream-source.ts";

/** Characters of one write; a longer row goes out alone. */
const writeLengthMin = 64 * 1024;
/** Between two reports of progress, ms. */
const progressMs = 1_000;

export interface RowWriterOptions {
  readonly response: ServerResponse;
  readonly format: RowFormat;
  readonly rows: RowsOf;
  readonly source: StreamSource;
  readonly clock: Clock;
  /** Rows that were written to an earlier reader. */
  readonly done: number;
  readonly hasProgress: boolean;
}

export class RowWriter implements FlowSink<readonly RowEnd[]> {
  readonly #options: RowWriterOptions;
  /** Where the slice that is being written goes on. */
  #at = 0;
  #done: number;
  #failed = 0;
  #progressAtMs: number;
  #taken: () => void = () => {};

  constructor(options: RowWriterOptions) {
    this.#options = options;
    this.#done = options.done;
    for (const index of options.source.failed) if (index < options.done) this.#failed += 1;
    this.#progressAtMs = options.clock.nowMs();
    this.#send(options.format.opening);
  }

  get unreadBytes(): number {
    return this.#options.response.writableLength;
  }

  onTaken(act: () => void): void {
    this.#taken = act;
  }

  write(ends: readonly RowEnd[]): boolean {
    let text = "";
    while (this.#at < ends.length && text.length < writeLengthMin) {
      text += this.#row(ends[this.#at] as RowEnd);
      this.#at += 1;
    }
    const isLast = this.#at === ends.length;
    if (isLast) this.#at = 0;
    this.#send(text + this.#progress(false));
    return isLast;
  }

  /** All rows are written. */
  finish(): void {
    const { format, source } = this.#options;
    const last = this.#progress(true);
    this.#send(last + format.done(source.total, JSON.stringify(this.#counts())));
  }

  /** The stream ends before its last row. */
  fail({ message, code }: ServingError): void {
    this.#send(this.#options.format.fatal(JSON.stringify({ error: message, code })));
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

  #send(text: string): void {
    if (text !== "") this.#options.response.write(text, () => this.#taken());
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
