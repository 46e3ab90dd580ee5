/**
 * Writes the predictions of rows as one JSON object, as JSON lines or as CSV.
 *
 * A prediction is what the simple dialect says for the same row, so all dialects agree.
 */
import type { Answer } from "../../../service/index.ts";
import { allPredictionsText, predictionText, probabilitiesText } from "../simple/item-text.ts";

export interface PredictionsText {
  readonly contentType: string;
  readonly text: string;
}

/** @throws OUTPUT_NOT_REPRESENTABLE a value without JSON */
export function writePredictions(answer: Answer, form: "json" | "lines" | "csv"): PredictionsText {
  if (form === "json") {
    const text = `{"predictions":[${allPredictionsText(answer, false)}]}`;
    return { contentType: "application/json", text };
  }
  const lines: string[] = [];
  for (let index = 0; index < answer.items; index += 1) {
    lines.push(form === "csv" ? csvLine(answer, index) : jsonLine(answer, index));
  }
  const contentType = form === "csv" ? "text/csv; charset=utf-8" : "application/jsonlines";
  return { contentType, text: lines.join("") };
}

function jsonLine(answer: Answer, index: number): string {
  const scores = probabilitiesText(answer, index);
  const probability = scores === undefined ? "" : `,"probability":${scores}`;
  return `{"prediction":${predictionText(answer, index)}${probability}}\n`;
}

/** The prediction alone; a list fills the cells of its line. */
function csvLine(answer: Answer, index: number): string {
  const value: unknown = JSON.parse(predictionText(answer, index), keepDigits);
  const cells = Array.isArray(value) ? value : [value];
  return `${cells.map((cell) => csvCell(String(cell))).join(",")}\n`;
}

/** Numbers stay as they were written, int64 with all digits. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" && context?.source !== undefined ? context.source : value;
}

function csvCell(text: string): string {
  const isPlain = ![",", '"', "\n", "\r"].some((character) => text.includes(character));
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}
