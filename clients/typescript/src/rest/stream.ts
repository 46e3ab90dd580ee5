/**
 * Predictions one by one as they complete: `POST /predict/stream`, a line of JSON for each.
 */
import { isRecord, numberOf, textOf } from "../json/fields.ts";
import { readJson } from "../json/read-json.ts";
import { writeJson } from "../json/write-json.ts";
import { MillraceError } from "../millrace-error.ts";

/** A row that was answered. */
export interface StreamAnswer<P> {
  /** Which of the rows, from 0. */
  readonly index: number;
  readonly prediction: P;
  readonly probabilities: readonly number[] | undefined;
  readonly error: undefined;
}

/** A row that failed; the others go on. */
export interface StreamFault {
  readonly index: number;
  readonly error: MillraceError;
}

export type StreamItem<P> = StreamAnswer<P> | StreamFault;

/** How far a stream is; at most one report a second. */
export interface StreamProgress {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
}

export type StreamLine<P> =
  | { readonly kind: "item"; readonly item: StreamItem<P> }
  | { readonly kind: "progress"; readonly progress: StreamProgress };

/** @throws INVALID_INPUT */
export function streamBody(rows: readonly unknown[]): string {
  const isTexts = rows.length > 0 && rows.every((row) => typeof row === "string");
  const key = isTexts ? "texts" : "instances";
  return `{"${key}":${writeJson(rows, key)}}`;
}

/** @throws INVALID_REPLY for what is no line of a stream; the server's error for a fatal one */
export function readStreamLine<P>(line: string, requestId: string): StreamLine<P> {
  const record = parse(line, requestId);
  const progress = record["progress"];
  if (isRecord(progress)) {
    const [done, failed] = [numberOf(progress, "done"), numberOf(progress, "failed")];
    return { kind: "progress", progress: { done, failed, total: numberOf(progress, "total") } };
  }
  const code = textOf(record, "code");
  const fault = new MillraceError(code || "INVALID_REPLY", textOf(record, "error"), { requestId });
  if (record["index"] === undefined) throw fault;
  const index = numberOf(record, "index");
  if (code !== "") return { kind: "item", item: { index, error: fault } };
  const prediction = record["prediction"] as P;
  const scores = record["probability"];
  const probabilities = Array.isArray(scores) ? scores : undefined;
  return { kind: "item", item: { index, prediction, probabilities, error: undefined } };
}

function parse(line: string, requestId: string): Readonly<Record<string, unknown>> {
  try {
    const value = readJson(line);
    if (isRecord(value)) return value;
  } catch (cause) {
    const message = "a line of the stream is no JSON";
    throw new MillraceError("INVALID_REPLY", message, { requestId, cause });
  }
  throw new MillraceError("INVALID_REPLY", "a line of the stream is no object", { requestId });
}
