/**
 * Writes the answer of one row, which may be one that JSON cannot say (NaN, an infinity, bytes that
 * are no UTF-8): such a row fails alone, as one that the model refuses does.
 */
import { ServingError } from "../../../../base/index.ts";
import type { Answer } from "../../../../service/index.ts";
import { placedError, type RowEnd, type RowsPlace } from "./run-rows.ts";

/** A row that was answered. */
export interface AnsweredRow {
  /** Place of the row in the caller's list. */
  readonly index: number;
  readonly answer: Answer;
  /** Place of the row in its answer. */
  readonly place: number;
}

/** Exactly one of the two. */
export interface WrittenRow {
  readonly text: string | undefined;
  readonly error: ServingError | undefined;
}

/** What `write` makes of a row; its error when it has none, or none that can be written. */
export function writeRow<R extends RowsPlace>(
  rows: R,
  { index, answer, place, error }: RowEnd,
  write: (row: AnsweredRow, rows: R) => string,
): WrittenRow {
  if (answer === undefined) return { text: undefined, error };
  try {
    return { text: write({ index, answer, place }, rows), error: undefined };
  } catch (thrown) {
    return { text: undefined, error: placedError(rows, index, ServingError.from(thrown)) };
  }
}
