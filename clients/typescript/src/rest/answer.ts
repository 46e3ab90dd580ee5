/**
 * What comes back in the simple dialect.
 *
 * A reply is read with suspicion: behind the address may be something else than Millrace.
 */
import { isRecord, listOf, numberOf, textOf } from "../json/fields.ts";
import { readJson } from "../json/read-json.ts";
import { MillraceError } from "../millrace-error.ts";
import type { HttpReply } from "./http-sender.ts";

/** What every answer says beside its predictions. */
export interface AnswerHead {
  readonly model: string;
  readonly version: string;
  /** The server's time from arrival to answer, ms. */
  readonly latencyMs: number;
  readonly requestId: string;
}

/** The answer for one row. */
export interface Answer<P> extends AnswerHead {
  readonly prediction: P;
  /** Score of each class in the model's order; `undefined` when the model has none. */
  readonly probabilities: readonly number[] | undefined;
}

/** The answers for several rows, in their order. */
export interface Answers<P> extends AnswerHead {
  readonly predictions: readonly P[];
  /** Scores of each row; `undefined` when the model has none. */
  readonly probabilities: readonly (readonly number[])[] | undefined;
}

/** @throws INVALID_REPLY */
export function readAnswer<P>(reply: HttpReply): Answer<P> {
  const requestId = reply.headers.get("x-request-id") ?? "";
  return answerOfBody(replyRecord(reply.bytes, requestId), requestId);
}

/** @throws INVALID_REPLY */
export function readAnswers<P>(reply: HttpReply): Answers<P> {
  const requestId = reply.headers.get("x-request-id") ?? "";
  return answersOfBody(replyRecord(reply.bytes, requestId), requestId);
}

type Body = Readonly<Record<string, unknown>>;

/** @throws INVALID_REPLY */
export function answerOfBody<P>(body: Body, requestId: string): Answer<P> {
  const prediction = body["sentiment"] ?? body["prediction"];
  if (prediction === undefined) throw invalidReply("prediction", requestId);
  const scores = body["probabilities"];
  return {
    prediction: prediction as P,
    probabilities: Array.isArray(scores) ? scores : undefined,
    ...headOf(body, requestId),
  };
}

/** @throws INVALID_REPLY */
export function answersOfBody<P>(body: Body, requestId: string): Answers<P> {
  if (!Array.isArray(body["predictions"])) throw invalidReply("predictions", requestId);
  const scores = body["probabilities"];
  return {
    predictions: listOf(body, "predictions") as readonly P[],
    probabilities: Array.isArray(scores) ? scores : undefined,
    ...headOf(body, requestId),
  };
}

function headOf(body: Body, requestId: string): AnswerHead {
  return {
    model: textOf(body, "model_name"),
    version: textOf(body, "model_version"),
    latencyMs: numberOf(body, "latency_ms"),
    requestId,
  };
}

/** The JSON object of a reply. @throws INVALID_REPLY */
export function replyRecord(
  bytes: Uint8Array,
  requestId: string,
): Readonly<Record<string, unknown>> {
  try {
    const body = readJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isRecord(body)) return body;
  } catch (cause) {
    const message = "the reply is no JSON: is this the address of a Millrace server?";
    throw new MillraceError("INVALID_REPLY", message, { requestId, cause });
  }
  throw invalidReply("a JSON object", requestId);
}

/** A reply without something that it must have. */
function invalidReply(missing: string, requestId: string): MillraceError {
  const message = `the reply has no ${missing}: is this the address of a Millrace server?`;
  return new MillraceError("INVALID_REPLY", message, { requestId });
}
