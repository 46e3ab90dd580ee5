// Goal: a large reply is written off the loop, and is byte for byte what a small one would be.
// Method: a door over a model in memory whose scores tell their row, asked for as many elements as
// may be written on the loop and for one more; the counter tells which way a reply went.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  type MemoryModel,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { ServingError } from "../../../base/index.ts";
import { makeTensor } from "../../../tensor/index.ts";

const classes = 199;
/** With its label a row has 200 elements, and the limit is 20,000. */
const rowsInline = 100;

const wide = outputSpec({ name: "p", dtype: "FP32", shape: [-1, classes] });
const label = outputSpec({ name: "label", dtype: "INT64", shape: [-1] });
const outputs = [
  { ...label, role: "prediction" as const },
  { ...wide, role: "probability" as const },
];

/** The score of class `at` in a row of value x is x + at; a row of -1 has a score of NaN. */
const run: MemoryModel["run"] = ({ inputs, items }) => {
  const rows = (inputs[0]?.elements ?? []) as ArrayLike<number>;
  const scores = new Float32Array(items * classes).map((_, index) => {
    const row = rows[Math.floor(index / classes)] ?? 0;
    return row === -1 ? Number.NaN : row + (index % classes);
  });
  const labels = new BigInt64Array(items).map((_, index) => 2n ** 60n + BigInt(rows[index] ?? 0));
  if (Array.from(rows).includes(-2)) throw new ServingError("INPUT_REJECTED_BY_MODEL", "refused");
  return [makeTensor("INT64", [items], labels), makeTensor("FP32", [items, classes], scores)];
};

let rig: RestRig;

beforeAll(async () => {
  const inputs = [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 1] })];
  const texts = [inputSpec({ name: "t", dtype: "BYTES", shape: [-1, 1] })];
  const names = outputs.map((output) =>
    output.name === "p"
      ? { ...output, labels: Array.from({ length: classes }, (_, at) => `${at}`) }
      : output,
  );
  const said: MemoryModel["run"] = ({ items }) => {
    const scores = new Float32Array(items * classes);
    for (let row = 0; row < items; row += 1) scores[row * classes + (row % classes)] = 1;
    return [makeTensor("FP32", [items, classes], scores)];
  };
  rig = await openRestRig([
    { name: "wide", inputs, outputs, run },
    { name: "texts", inputs: texts, outputs: names.slice(1), run: said },
  ]);
});
afterAll(() => rig.close());

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly failed: string | null;
  /** How many replies were written off the loop for it. */
  readonly apart: number;
}

async function ask(path: string, body: unknown): Promise<Reply> {
  const { http } = rig.service.metrics;
  const before = http.repliesOffloaded;
  const headers = { "content-type": "application/json" };
  const sent = { method: "POST", headers, body: JSON.stringify(body) };
  const reply = await fetch(`${rig.url}${path}`, sent);
  const text = await reply.text();
  const failed = reply.headers.get("x-items-failed");
  return { status: reply.status, body: text, failed, apart: http.repliesOffloaded - before };
}

const rows = (count: number): number[][] => Array.from({ length: count }, (_, row) => [row]);
const scoresOf = (row: number): string =>
  `[${Array.from({ length: classes }, (_, at) => row + at).join(",")}]`;
const predictionsOf = (count: number): string =>
  rows(count)
    .map(([row]) => String(2n ** 60n + BigInt(row ?? 0)))
    .join(",");
const tail = '"model_name":"wide","model_version":"1.0.0","version":"1.0.0","latency_ms":';

test.each([
  [rowsInline, 0],
  [rowsInline + 1, 1],
])("/predict of %i rows: %i replies written apart", async (count, apart) => {
  const reply = await ask("/predict?model=wide", { instances: rows(count) });
  const scores = rows(count).map(([row]) => scoresOf(row ?? 0));
  const start = `{"predictions":[${predictionsOf(count)}],"probabilities":[${scores.join(",")}],`;
  expect(reply.body.slice(0, start.length + tail.length)).toBe(start + tail);
  expect(reply.body.slice(start.length + tail.length)).toMatch(/^\d+(\.\d+)?\}$/);
  expect([reply.status, reply.apart]).toEqual([200, apart]);
});

test.each([
  [rowsInline, 0],
  [rowsInline + 1, 1],
])("/batch_predict of %i rows: %i replies written apart", async (count, apart) => {
  const reply = await ask("/batch_predict?model=wide", { instances: rows(count) });
  const scores = rows(count).map(([row]) => scoresOf(row ?? 0));
  const start = `{"predictions":[${predictionsOf(count)}],"probabilities":[${scores.join(",")}],`;
  expect(reply.body.slice(0, start.length + tail.length)).toBe(start + tail);
  expect([reply.status, reply.failed, reply.apart]).toEqual([200, "0", apart]);
});

interface Columns {
  readonly predictions: unknown[];
  readonly probabilities: (number[] | null)[];
  readonly errors: { readonly index: number; readonly code: string; readonly error: string }[];
}

test("rows that fail keep their place and their reason in a reply written apart", async () => {
  const instances: unknown[] = rows(300);
  instances[7] = ["x"];
  instances[40] = [-1];
  instances[299] = [-2];
  const reply = await ask("/batch_predict?model=wide", { instances });
  const { predictions, probabilities, errors } = JSON.parse(reply.body) as Columns;
  expect([reply.apart, reply.failed]).toEqual([1, "3"]);
  expect(errors.map(({ index, code }) => [index, code])).toEqual([
    [7, "INVALID_INPUT"],
    [40, "OUTPUT_NOT_REPRESENTABLE"],
    [299, "INPUT_REJECTED_BY_MODEL"],
  ]);
  expect(errors.map(({ error, index }) => error.startsWith(`instances[${index}]`))).toEqual([
    true,
    true,
    true,
  ]);
  for (const at of [7, 40, 299]) expect([predictions[at], probabilities[at]]).toEqual([null, null]);
  expect(probabilities[298]?.[3]).toBe(301);
  expect(probabilities.length).toBe(300);
});

test("texts and calls are written apart too, each in its own form", async () => {
  const texts = Array.from({ length: 150 }, (_, index) => `t${index}`);
  const said = await ask("/batch_predict?model=texts", { texts });
  const { predictions } = JSON.parse(said.body) as { predictions: unknown[] };
  expect(predictions[140]).toEqual({ sentiment: "140", confidence: 1 });
  const call = (count: number) => ({ model_name: "wide", input_data: rows(count), batch_id: "b" });
  const list = await ask("/batch_predict", [call(1), call(150), call(2)]);
  const ends = JSON.parse(list.body) as Columns[];
  expect(ends.map((end) => end.probabilities.length)).toEqual([1, 150, 2]);
  expect(ends[1]?.probabilities[149]?.[1]).toBe(150);
  expect([said.apart, list.apart, list.failed]).toEqual([1, 1, "0"]);
});

test("what JSON cannot say is refused as it is in a small reply", async () => {
  const instances = [...rows(150), [-1]];
  const reply = await ask("/predict?model=wide", { instances });
  const small = await ask("/predict?model=wide", { instances: [[-1]] });
  const errorOf = ({ body }: Reply) => (JSON.parse(body) as { error: string; code: string }).code;
  expect([reply.status, reply.apart, small.status, small.apart]).toEqual([406, 1, 406, 0]);
  expect([errorOf(reply), errorOf(small)]).toEqual([
    "OUTPUT_NOT_REPRESENTABLE",
    "OUTPUT_NOT_REPRESENTABLE",
  ]);
});
