/**
 * The answers of the simple dialect, form by form (`docs/reference/rest.md`).
 *
 * Each is written as one string: joining is what `node:http` sends fastest. The names that never
 * change for a version are joined once, in `ReplyNames`.
 */
import type { Answer } from "../../../service/index.ts";
import { msText } from "../http/number-text.ts";
import {
  allPredictionsText,
  allProbabilitiesText,
  confidenceText,
  predictionText,
  probabilitiesText,
  probabilityText,
} from "./item-text.ts";

/** The forms of a `/predict` body; the letters are those of the reference page. */
export type SimpleForm = "call" | "instances" | "text" | "array" | "object" | "fields";

/** `"model_name":...,"model_version":...,"version":...` of one version. */
export function replyNames(model: string, version: string): string {
  const quoted = JSON.stringify(version);
  return `"model_name":${JSON.stringify(model)},"model_version":${quoted},"version":${quoted}`;
}

export interface ReplyFacts {
  readonly form: SimpleForm;
  /** From `replyNames`. */
  readonly names: string;
  /** From arrival to this moment, ms. */
  readonly latencyMs: number;
  /** Inside the engine, ms. */
  readonly runMs: number;
  /** Echoed by form `call`. */
  readonly batchId: string | undefined;
}

/** How much there is to write of an answer. */
export function answerElements({ prediction, probability }: Answer): number {
  return (prediction?.elements.length ?? 0) + (probability?.elements.length ?? 0);
}

/** The whole body of a `/predict` reply. */
export function replyText(answer: Answer, facts: ReplyFacts): string {
  const tail = `${facts.names},"latency_ms":${msText(facts.latencyMs)}}`;
  switch (facts.form) {
    case "array":
      return arrayText(answer, tail);
    case "object":
    case "fields":
      return objectText(answer, tail);
    case "text":
      return textText(answer, tail);
    case "instances":
      return instancesText(answer, tail);
    case "call":
      return callText(answer, facts);
  }
}

function arrayText(answer: Answer, tail: string): string {
  const scores = probabilitiesText(answer, 0);
  const head = `{"prediction":${predictionText(answer, 0)},`;
  if (scores === undefined) return head + tail;
  return `${head}"probability":${probabilityText(answer, 0)},"probabilities":${scores},${tail}`;
}

function objectText(answer: Answer, tail: string): string {
  const scores = probabilitiesText(answer, 0);
  const head = `{"prediction":${predictionText(answer, 0)},`;
  if (scores === undefined) return head + tail;
  return `${head}"probability":${scores},"probabilities":${scores},${tail}`;
}

function textText(answer: Answer, tail: string): string {
  const confidence = confidenceText(answer, 0);
  const head = `{"sentiment":${predictionText(answer, 0)},`;
  if (confidence === undefined) return head + tail;
  const scores = probabilitiesText(answer, 0);
  return `${head}"confidence":${confidence},"probabilities":${scores},${tail}`;
}

/** `"predictions":[...]` and, with scores, `,"probabilities":[...]`. */
export function predictionsText(answer: Answer): string {
  const text = `"predictions":[${allPredictionsText(answer, false)}]`;
  const scores = allProbabilitiesText(answer);
  return scores === undefined ? text : `${text},"probabilities":[${scores}]`;
}

function instancesText(answer: Answer, tail: string): string {
  return `{${predictionsText(answer)},${tail}`;
}

/** Form `call`: each prediction is a list, as the callers of such servers expect. */
function callText(answer: Answer, facts: ReplyFacts): string {
  return `{${callFieldsText(answer, facts)}}`;
}

/** The fields of a `call` reply without the braces. */
export function callFieldsText(answer: Answer, facts: ReplyFacts): string {
  const rows = allPredictionsText(answer, true);
  const scores = allProbabilitiesText(answer);
  const probabilities = scores === undefined ? "" : `"probabilities":[${scores}],`;
  const batchId = facts.batchId === undefined ? "null" : JSON.stringify(facts.batchId);
  return (
    `"predictions":[${rows}],${probabilities}${facts.names},` +
    `"inference_time_ms":${msText(facts.runMs)},"latency_ms":${msText(facts.latencyMs)},` +
    `"batch_id":${batchId}`
  );
}
