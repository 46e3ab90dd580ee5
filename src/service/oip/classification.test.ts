// Goal: the best classes come in order, as text of the protocol, for every dtype with numbers.
// Method: a slow sort of (value, index) pairs against random scores; odd values by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { outputSpec } from "../../../test/support/rest-rig.ts";
import { type ByteStrings, makeTensor, type Tensor } from "../../tensor/index.ts";
import { bestClasses } from "./classification.ts";

const spec = outputSpec({ name: "y", dtype: "FP32", shape: [-1, -1] });

function texts(tensor: Tensor): unknown {
  return (tensor.elements as ByteStrings).toTexts();
}

test("takes the largest scores of each item, the lower index first among equals", () => {
  const score = fc.integer({ min: -3, max: 3 });
  const table = fc
    .record({ items: fc.nat({ max: 4 }), width: fc.integer({ min: 1, max: 6 }) })
    .chain(({ items, width }) =>
      fc.array(fc.array(score, { minLength: width, maxLength: width }), {
        minLength: items,
        maxLength: items,
      }),
    );
  fc.assert(
    fc.property(table, fc.integer({ min: 1, max: 8 }), (rows, classes) => {
      const width = rows[0]?.length ?? 1;
      const tensor = makeTensor("INT32", [rows.length, width], Int32Array.from(rows.flat()));
      const best = bestClasses(tensor, { spec, classes, hasItems: true });
      const count = rows.length === 0 ? 0 : Math.min(classes, width);
      expect(best.shape).toEqual([rows.length, count]);
      const wanted = rows.flatMap((row) =>
        row
          .map((value, index) => ({ value, index }))
          .sort((left, right) => right.value - left.value || left.index - right.index)
          .slice(0, classes)
          .map(({ value, index }) => `${value}:${index}`),
      );
      expect(texts(best)).toEqual(wanted);
    }),
  );
});

test("writes floats with six decimals, halves as floats, NaN last", () => {
  const odd = new Float32Array([Number.NaN, 0.5, Number.NEGATIVE_INFINITY, Infinity]);
  const one = { spec, classes: 9, hasItems: false };
  expect(texts(bestClasses(makeTensor("FP32", [4], odd), one))).toEqual([
    "inf:3",
    "0.500000:1",
    "-inf:2",
    "nan:0",
  ]);
  const halves = new Uint16Array([0x3800, 0x3c00]);
  expect(texts(bestClasses(makeTensor("FP16", [2], halves), one))).toEqual([
    "1.000000:1",
    "0.500000:0",
  ]);
  const whole = new BigInt64Array([2n ** 62n, 2n ** 62n + 1n]);
  expect(texts(bestClasses(makeTensor("INT64", [2], whole), one))).toEqual([
    "4611686018427387905:1",
    "4611686018427387904:0",
  ]);
});
