/**
 * Many rows in one request, each of which may fail alone: `POST /batch_predict`.
 */
import { isRecord, listOf, numberOf, textOf } from "../json/fields.ts";
import { writeJson } from "../json/write-json.ts";
import { MillraceError } from "../millrace-error.ts";
import { type AnswerHead, answersOfBody, replyRecord } from "./answer.ts";
import type { HttpReply } from "./http-sender.ts";
import type { StreamItem } from "./stream.ts";

/** The answer for each of several rows. */
export interface BatchAnswer<P> extends AnswerHead {
  /** In the order of the rows; `error` tells which of them failed. */
  readonly items: readonly StreamItem<P>[];
  /** How many failed. */
  readonly failed: number;
}

/** @throws INVALID_INPUT */
export function batchBody(rows: readonly unknown[]): string {
  return `{"instances":${writeJson(rows, "instances")}}`;
}

/** @throws INVALID_REPLY */
export function readBatch<P>(reply: HttpReply): BatchAnswer<P> {
  const requestId = reply.headers.get("x-request-id") ?? "";
  const body = replyRecord(reply.bytes, requestId);
  const { predictions, probabilities, ...head } = answersOfBody<P>(body, requestId);
  const faults = faultsOf(listOf(body, "errors"), requestId);
  const items = predictions.map((prediction, index): StreamItem<P> => {
    const error = faults.get(index);
    if (error !== undefined) return { index, error };
    return { index, prediction, probabilities: probabilities?.[index], error: undefined };
  });
  return { ...head, items, failed: faults.size };
}

/** By index; at most one for each row. */
function faultsOf(errors: readonly unknown[], requestId: string): Map<number, MillraceError> {
  const faults = new Map<number, MillraceError>();
  for (const each of errors) {
    if (!isRecord(each)) continue;
    const code = textOf(each, "code") || "INVALID_REPLY";
    const error = new MillraceError(code, textOf(each, "error"), { requestId });
    faults.set(numberOf(each, "index"), error);
  }
  return faults;
}
