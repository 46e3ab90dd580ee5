// Goal: each row and each call of a batch fails alone, and each call is counted on its version with
// its own times. Method: a door over models in memory whose answers depend on their rows.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  type MemoryModel,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import type { RequestContext } from "../../../predict/index.ts";
import { type ByteStrings, makeTensor } from "../../../tensor/index.ts";

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
