/**
 * What scikit-learn answered when the demo models were made: rows and answers of `samples.jsonl`.
 *
 * The samples are written by the makers under `tools/models`; nothing in them came from this
 * server.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const modelsFolder = resolve(import.meta.dirname, "../../models");

export type Value = number | string;

export interface RecordedRow {
  /** The elements of one item. */
  readonly values: readonly Value[];
  readonly label: Value;
  readonly probabilities: readonly number[];
}

interface RecordedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly Value[];
}

interface Sample {
  readonly inputs: readonly RecordedTensor[];
  readonly outputs: readonly RecordedTensor[];
  readonly tolerance: number;
}

export interface Recorded {
  readonly rows: readonly RecordedRow[];
  /** Largest difference of a score. */
  readonly tolerance: number;
}

/** Every recorded item of a demo model's version 1.0.0. */
export function readRecorded(model: string): Recorded {
  const text = readFileSync(join(modelsFolder, model, "1.0.0", "samples.jsonl"), "utf8");
  const samples = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Sample);
  return {
    rows: samples.flatMap(rowsOf),
    tolerance: Math.min(...samples.map((sample) => sample.tolerance)),
  };
}

function rowsOf({ inputs, outputs }: Sample): RecordedRow[] {
  const input = inputs[0];
  const label = outputs.find((each) => each.name === "label");
  const scores = outputs.find((each) => each.name === "probabilities");
  if (input === undefined || label === undefined || scores === undefined) return [];
  const items = input.shape[0] ?? 1;
  return Array.from({ length: items }, (_, item) => ({
    values: part(input.data, item, items),
    label: label.data[item] ?? "",
    probabilities: part(scores.data, item, items).map(Number),
  }));
}

function part(data: readonly Value[], item: number, items: number): readonly Value[] {
  const width = data.length / items;
  return data.slice(item * width, (item + 1) * width);
}

/** What is wrong with an answer, or `undefined` when it is the recorded one. */
export function differenceFrom(
  row: RecordedRow,
  answer: { readonly label: unknown; readonly probabilities: unknown },
  tolerance: number,
): string | undefined {
  if (answer.label !== row.label) {
    return `answered ${JSON.stringify(answer.label)}, recorded ${JSON.stringify(row.label)}`;
  }
  const scores = answer.probabilities;
  if (!Array.isArray(scores) || scores.length !== row.probabilities.length) {
    return `scores ${JSON.stringify(scores)}, recorded ${JSON.stringify(row.probabilities)}`;
  }
  for (const [index, expected] of row.probabilities.entries()) {
    const got = Number(scores[index]);
    if (!(Math.abs(got - expected) <= tolerance)) {
      return `score ${index} is ${got}, recorded ${expected} (tolerance ${tolerance})`;
    }
  }
  return undefined;
}
