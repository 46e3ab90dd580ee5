// Goal: each row and each call of a batch fails alone, and each call is counted on its version with
// its own times. Method: a door over models in memory whose answers depend on their rows.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  type MemoryModel,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../../test/support/rest-rig.ts";
import type { ModelMetrics } from "../../../../observe/index.ts";
import type { RequestContext } from "../../../../predict/index.ts";
import { type ByteStrings, makeTensor } from "../../../../tensor/index.ts";

const table = inputSpec({ name: "x", dtype: "FP32", shape: [-1, 1] });
const prediction = outputSpec({ name: "y", dtype: "INT64", shape: [-1] }, { role: "prediction" });
const scores = outputSpec({ name: "p", dtype: "FP32", shape: [-1, 2] }, { role: "probability" });

/** The contexts of all runs, in their order. */
const contexts: RequestContext[] = [];

/** Scores of a row x are 1 - x and x; NaN for x = 13. */
function scored(name: string): MemoryModel {
  return {
    name,
    inputs: [table],
    outputs: [prediction, scores],
    run({ inputs, items }, context) {
      contexts.push(context);
      const given = inputs[0]?.elements as Float32Array;
      const values = new Float32Array(items * 2);
      for (let row = 0; row < items; row += 1) {
        const value = given[row] === 13 ? Number.NaN : (given[row] ?? 0);
        values.set([1 - value, value], row * 2);
      }
      const labels = new BigInt64Array(items).fill(1n);
      return [makeTensor("INT64", [items], labels), makeTensor("FP32", [items, 2], values)];
    },
  };
}

/** Says "good" for each text, with a score of NaN for "nan". */
const texts: MemoryModel = {
  name: "texts",
  inputs: [inputSpec({ name: "text", dtype: "BYTES", shape: [-1] })],
  outputs: [{ ...scores, labels: ["bad", "good"] }],
  run({ inputs, items }) {
    const strings = inputs[0]?.elements as ByteStrings;
    const given = strings.toTexts() as string[];
    const values = given.flatMap((text) => (text === "nan" ? [Number.NaN, 0] : [0, 1]));
    return [makeTensor("FP32", [items, 2], new Float32Array(values))];
  },
};

let rig: RestRig;

beforeAll(async () => {
  rig = await openRestRig([scored("one"), scored("two"), texts], { jsonInlineBytesMax: 4_000 });
});
afterAll(() => rig.close());

interface Reply {
  readonly status: number;
  readonly failed: string | null;
  readonly body: unknown;
}

async function ask(path: string, body: unknown): Promise<Reply> {
  const headers = { "content-type": "application/json" };
  const text = JSON.stringify(body);
  const response = await fetch(rig.url + path, { method: "POST", headers, body: text });
  const failed = response.headers.get("x-items-failed");
  return { status: response.status, failed, body: JSON.parse(await response.text()) };
}

test.each([[3], [40]])("a row of %i whose scores are not JSON fails alone", async (count) => {
  const instances = Array.from({ length: count }, (_, index) => [index === 1 ? 13 : 1]);
  const reply = await ask("/batch_predict?model=one", { instances });
  expect(reply).toMatchObject({ status: 200, failed: "1" });
  const { predictions, probabilities, errors } = reply.body as Record<string, unknown[]>;
  const expected = (value: unknown): unknown[] =>
    instances.map((_, index) => (index === 1 ? null : value));
  expect(predictions).toEqual(expected(1));
  expect(probabilities).toEqual(expected([0, 1]));
  expect(errors).toEqual([
    {
      index: 1,
      code: "OUTPUT_NOT_REPRESENTABLE",
      error: expect.stringMatching(/^instances\[1\]: /),
    },
  ]);
});

test("a text whose score is not JSON fails alone", async () => {
  const reply = await ask("/batch_predict?model=texts", { texts: ["a", "nan", "b"] });
  const good = { sentiment: "good", confidence: 1 };
  expect(reply).toMatchObject({
    status: 200,
    failed: "1",
    body: {
      predictions: [good, null, good],
      errors: [{ index: 1, code: "OUTPUT_NOT_REPRESENTABLE" }],
    },
  });
});

function metricsOf(model: string): ModelMetrics {
  return rig.service.metrics.find(model, "1.0.0") as ModelMetrics;
}

function figures(model: string): Record<string, number> {
  const { requests, items, inFlight } = metricsOf(model);
  return { ok: requests.successes, errors: requests.errors, items, inFlight };
}

/** A list of calls; the large one is read in a thread. */
function listOf(count: number): unknown[] {
  const more = Array.from({ length: count }, () => ({ model_name: "two", input_data: [[1], [0]] }));
  return [
    { model_name: "one", input_data: [[1]], batch_id: "a" },
    { model_name: "nobody", input_data: [[1]], batch_id: "b" },
    { model_name: "one", input_data: [[1, 2]], batch_id: "c" },
    { model_name: "one", input_data: [[13]], batch_id: "d" },
    7,
    ...more,
  ];
}

test.each([[2], [500]])("counts each call of a list with %i more on its version", async (count) => {
  const before = { one: figures("one"), two: figures("two") };
  const unknown = rig.service.metrics.unresolved.errors;
  const offloaded = rig.service.metrics.http.jsonOffloaded;
  const { deadlineMsDefault } = rig.service.limits;
  contexts.length = 0;
  const reply = await ask("/batch_predict", listOf(count));
  expect(reply).toMatchObject({ status: 200, failed: "4" });
  const ends = reply.body as Record<string, unknown>[];
  expect(ends.length).toBe(5 + count);
  expect(ends.slice(0, 6)).toMatchObject([
    { predictions: [[1]], batch_id: "a", model_name: "one" },
    { code: "MODEL_NOT_FOUND", model_name: "nobody", batch_id: "b" },
    { code: "INVALID_INPUT", model_name: "one", batch_id: "c" },
    { code: "OUTPUT_NOT_REPRESENTABLE", model_name: "one", batch_id: "d" },
    { code: "INVALID_INPUT", error: "a call is 7, expected an object" },
    { predictions: [[1], [1]], model_name: "two" },
  ]);
  const [one, two] = [figures("one"), figures("two")];
  expect((one["ok"] ?? 0) - (before.one["ok"] ?? 0)).toBe(1);
  expect((one["errors"] ?? 0) - (before.one["errors"] ?? 0)).toBe(2);
  expect((two["ok"] ?? 0) - (before.two["ok"] ?? 0)).toBe(count);
  expect((two["items"] ?? 0) - (before.two["items"] ?? 0)).toBe(2 * count);
  expect([one["inFlight"], two["inFlight"]]).toEqual([0, 0]);
  expect(rig.service.metrics.unresolved.errors - unknown).toBe(2);
  expect(rig.service.metrics.http.jsonOffloaded - offloaded).toBe(count > 100 ? 1 : 0);
  expect(new Set(contexts.map((context) => context.times)).size).toBe(2 + count);
  expect(new Set(contexts.map((context) => context.cancellation)).size).toBe(1);
  for (const { deadlineAtMs, times } of contexts) {
    expect(deadlineAtMs).toBe(times.arrivedAtMs + deadlineMsDefault);
  }
});

test("finds the model that only a large body names in the thread", async () => {
  const rows = Array.from({ length: 2_000 }, () => [1]);
  const reply = await ask("/batch_predict", { instances: rows, model_name: "two" });
  expect(reply).toMatchObject({ status: 200, failed: "0", body: { model_name: "two" } });
  expect(await ask("/batch_predict", { instances: rows })).toMatchObject({ status: 400 });
});
