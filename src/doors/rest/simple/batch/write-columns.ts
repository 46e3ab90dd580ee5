/**
 * Writes the rows of a `/batch_predict` reply as columns, with `null` where a row failed and a list
 * of errors behind them.
 *
 * Knows rows and answers and nothing of exchanges, so a thread can do it: rows that ran together
 * share an answer, which crosses to the thread once (`ColumnsJob`).
 */

import type { ServingError } from "../../../../base/index.ts";
import type { Answer } from "../../../../service/index.ts";
import { isLargeReply } from "../../offload/threads.ts";
import type { RowFault } from "../decode.ts";
import { confidenceText, predictionText, probabilitiesText } from "../item-text.ts";
import { answerElements, predictionsText } from "../reply.ts";
import type { RowEnd, RowsPlace } from "./run-rows.ts";
import { type AnsweredRow, writeRow } from "./write-row.ts";

/** The columns of a reply without its braces, and how many rows failed. */
export interface WrittenColumns {
  readonly text: string;
  readonly failed: number;
}

/** A row as it crosses to a thread. */
interface RowJob {
  readonly index: number;
  /** Place of its answer in the job, or -1. */
  readonly answer: number;
  readonly place: number;
  readonly error: ServingError | undefined;
}

export interface ColumnsJob {
  readonly field: string;
  /** All answers have the plan of the first. */
  readonly plan: Answer["plan"] | undefined;
  readonly answers: readonly Omit<Answer, "plan">[];
  readonly rows: readonly RowJob[];
}

/** True when the answers of the rows are too large to be written on the loop. */
export function areLarge(ends: readonly RowEnd[]): boolean {
  let elements = 0;
  let last: Answer | undefined;
  for (const { answer } of ends) {
    // Rows that ran together follow each other.
    if (answer !== undefined && answer !== last) elements += answerElements(answer);
    last = answer;
  }
  return isLargeReply(elements);
}

export function writeColumns(rows: RowsPlace, ends: readonly RowEnd[]): WrittenColumns {
  const { columns, faults } = columnsOf(rows, ends);
  const errors = faults.length === 0 ? "" : `,"errors":[${faults.map(errorText).join(",")}]`;
  return { text: columns + errors, failed: faults.length };
}

/** What a thread needs to write the columns. */
export function columnsJob({ decoded }: RowsPlace, ends: readonly RowEnd[]): ColumnsJob {
  /** At most one entry a row. */
  const places = new Map<Answer, number>();
  const answers: Omit<Answer, "plan">[] = [];
  const rows = ends.map(({ index, answer, place, error }): RowJob => {
    if (answer === undefined) return { index, answer: -1, place, error };
    let at = places.get(answer);
    if (at === undefined) {
      const { prediction, probability, items } = answer;
      at = answers.push({ prediction, probability, items }) - 1;
      places.set(answer, at);
    }
    return { index, answer: at, place, error };
  });
  const plan = ends.find((end) => end.answer !== undefined)?.answer?.plan;
  return { field: decoded.field, plan, answers, rows };
}

/** The thread's part. */
export function runColumnsJob({ field, plan, answers, rows }: ColumnsJob): WrittenColumns {
  const whole = plan === undefined ? [] : answers.map((answer) => ({ ...answer, plan }));
  const ends = rows.map(({ index, answer, place, error }): RowEnd => {
    return { index, answer: whole[answer], place, error };
  });
  return writeColumns({ decoded: { field } }, ends);
}

interface Columns {
  readonly columns: string;
  readonly faults: readonly RowFault[];
}

function columnsOf(rows: RowsPlace, ends: readonly RowEnd[]): Columns {
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

function valueColumns(rows: RowsPlace, ends: readonly RowEnd[]): Columns {
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

function textColumn(rows: RowsPlace, ends: readonly RowEnd[]): Columns {
  const { texts, faults } = writeRows(rows, ends, ({ answer, place }) => {
    const confidence = confidenceText(answer, place);
    const more = confidence === undefined ? "" : `,"confidence":${confidence}`;
    return `{"sentiment":${predictionText(answer, place)}${more}}`;
  });
  return { columns: `"predictions":[${texts.map(orNull).join(",")}]`, faults };
}

function writeRows(
  rows: RowsPlace,
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
