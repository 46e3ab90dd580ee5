// Goal: equal keys mean that two requests may share a run, and nothing else does.
// Method: pairs that differ in one thing.
import { expect, test } from "vitest";
import { requestOf, signatureOf } from "../../../test/support/batcher-rig.ts";
import type { Signature } from "../../model/index.ts";
import { makeTensor } from "../../tensor/index.ts";
import type { InferenceRequest } from "../predictor.ts";
import { compatibilityKeys, plainKey } from "./compatibility-key.ts";

const closed = compatibilityKeys(signatureOf({ kind: "dynamic" }, 2));
const open = compatibilityKeys(signatureOf({ kind: "dynamic" }, -1));
const plain = requestOf([1]);

function wide(width: number, items = 1): InferenceRequest {
  const tensor = makeTensor("FP32", [items, width], new Float32Array(items * width));
  return { ...plain, inputs: [tensor], items };
}

test("is one constant when the signature leaves nothing open", () => {
  expect(closed(plain)).toBe(plainKey);
  expect(closed({ ...plain, parameters: new Map() })).toBe(plainKey);
  expect(closed(requestOf([1, 2, 3]))).toBe(plainKey);
});

test("tells shapes beyond the first dimension apart, and not the number of items", () => {
  expect(open(wide(2))).toBe(open(wide(2, 5)));
  expect(open(wide(2))).not.toBe(open(wide(3)));
  const flat = makeTensor("FP32", [1, 2, 3], new Float32Array(6));
  const other = makeTensor("FP32", [1, 23], new Float32Array(23));
  expect(open({ ...plain, inputs: [flat] })).not.toBe(open({ ...plain, inputs: [other] }));
});

test("tells given optional inputs, wanted outputs and parameters apart", () => {
  const base = signatureOf({ kind: "dynamic" }, 2);
  const optional: Signature = {
    ...base,
    inputs: base.inputs.map((input) => ({ ...input, isOptional: true })),
  };
  const key = compatibilityKeys(optional);
  expect(key(wide(2))).not.toBe(key({ ...plain, inputs: [undefined] }));
  expect(closed({ ...plain, outputs: [0] })).not.toBe(closed({ ...plain, outputs: [1] }));
  expect(closed({ ...plain, outputs: [1, 1] })).not.toBe(closed({ ...plain, outputs: [11] }));
  const given = (entries: readonly (readonly [string, string | number])[]) =>
    closed({ ...plain, parameters: new Map(entries) });
  expect(given([["a", 1]])).not.toBe(given([["a", 2]]));
  expect(given([["a", 1]])).not.toBe(given([["a", "1"]]));
  expect(given([["a", 'x","b:string:y']])).not.toBe(
    given([
      ["a", "x"],
      ["b", "y"],
    ]),
  );
  expect(
    given([
      ["a", 1],
      ["b", 2],
    ]),
  ).toBe(
    given([
      ["b", 2],
      ["a", 1],
    ]),
  );
});
