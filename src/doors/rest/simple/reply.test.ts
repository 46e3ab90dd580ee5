// Goal: many items are written at once to the same bytes as item by item. Method: answers of random
// sizes and kinds, below and above the number from which columns are written whole.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Answer, SimplePlan } from "../../../service/index.ts";
import { makeTensor, type Tensor } from "../../../tensor/index.ts";
import { predictionText, probabilitiesText } from "./item-text.ts";
import { callFieldsText, predictionsText } from "./reply.ts";

const plan: SimplePlan = {
  inputs: [],
  kind: "columns",
  fieldNames: [],
  isBatchable: true,
  prediction: 0,
  probability: 1,
  labels: ["a", 'quote"', 3n],
};

const tensors = (items: number, width: number): fc.Arbitrary<Tensor> => {
  const length = items * width;
  const shape = [items, width];
  const size = { minLength: length, maxLength: length };
  const float = fc.float({ noNaN: true, noDefaultInfinity: true });
  return fc.oneof(
    fc.float32Array({ ...size, noNaN: true, noDefaultInfinity: true }).map((values) => {
      return makeTensor("FP32", shape, values);
    }),
    fc.bigInt64Array(size).map((values) => makeTensor("INT64", shape, values)),
    fc.array(float, size).map((values) => makeTensor("FP64", shape, Float64Array.from(values))),
  );
};

const answers: fc.Arbitrary<Answer> = fc
  .record({
    items: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 14, max: 40 })),
    width: fc.integer({ min: 1, max: 4 }),
    scores: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ items, width, scores }) =>
    fc.record({
      plan: fc.constant(plan),
      prediction: fc.option(tensors(items, width), { nil: undefined }),
      probability: fc.option(tensors(items, scores), { nil: undefined }),
      items: fc.constant(items),
    }),
  );

const facts = { form: "call", names: "N", latencyMs: 1, runMs: 1, batchId: undefined } as const;

test("columns hold what their items hold", () => {
  fc.assert(
    fc.property(answers, (answer) => {
      const indexes = Array.from({ length: answer.items }, (_, index) => index);
      const values = indexes.map((index) => predictionText(answer, index));
      const scores = indexes.map((index) => probabilitiesText(answer, index)).filter(Boolean);
      const probabilities = scores.length === 0 ? "" : `,"probabilities":[${scores.join(",")}]`;
      const whole = `"predictions":[${values.join(",")}]${probabilities}`;
      expect(predictionsText(answer)).toBe(whole);
      const lists = values.map((value) => (value.startsWith("[") ? value : `[${value}]`));
      const call = `"predictions":[${lists.join(",")}]${probabilities},N,`;
      expect(callFieldsText(answer, facts).startsWith(call)).toBe(true);
    }),
  );
});
