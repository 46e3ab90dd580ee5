// Goal: a tensor comes out nested as its shape says, and what JSON cannot say is refused unless the
// dialect has a way to say it. Method: shapes of every rank by hand, read back by JSON.parse.
import { expect, test } from "vitest";
import { ByteStrings } from "../byte-strings.ts";
import { makeTensor } from "../tensor.ts";
import { nestedJsonText } from "./nested-text.ts";

const plain = { hasBareTokens: false, isBase64: false };

function textOf(shape: readonly number[], values: number[]): string {
  const tensor = makeTensor("FP32", shape, Float32Array.from(values));
  return nestedJsonText(tensor, { from: 0, to: values.length, name: "y" }, { ...plain, shape });
}

test("nests as the shape says, down to one bare value", () => {
  expect(textOf([], [1.5])).toBe("1.5");
  expect(textOf([3], [1, 2, 3])).toBe("[1,2,3]");
  expect(textOf([2, 2], [1, 2, 3, 4])).toBe("[[1,2],[3,4]]");
  expect(textOf([1, 2, 1], [1, 2])).toBe("[[[1],[2]]]");
  expect(textOf([0, 3], [])).toBe("[]");
  expect(textOf([2, 0], [])).toBe("[[],[]]");
});

test("writes a part of a tensor", () => {
  const tensor = makeTensor("INT64", [3, 1], BigInt64Array.of(1n, 2n ** 60n, 3n));
  const range = { from: 1, to: 3, name: "y" };
  expect(nestedJsonText(tensor, range, { ...plain, shape: [2, 1] })).toBe(
    "[[1152921504606846976],[3]]",
  );
});

test("refuses NaN and bytes that are no text, or writes them as the dialect does", () => {
  const numbers = makeTensor("FP64", [3], Float64Array.of(Number.NaN, -Infinity, 0.1));
  const whole = { from: 0, to: 3, name: "y" };
  const shape = [3];
  expect(() => nestedJsonText(numbers, whole, { ...plain, shape })).toThrow(/'y'.*NaN/);
  const bare = { ...plain, hasBareTokens: true, shape };
  expect(nestedJsonText(numbers, whole, bare)).toBe("[NaN,-Infinity,0.1]");
  const bytes = makeTensor("BYTES", [1], ByteStrings.fromBytes([Buffer.from([255])]));
  const one = { from: 0, to: 1, name: "y" };
  expect(() => nestedJsonText(bytes, one, { ...plain, shape: [1] })).toThrow(/UTF-8/);
  const base64 = { ...plain, isBase64: true, shape: [1] };
  expect(nestedJsonText(bytes, one, base64)).toBe('[{"b64":"/w=="}]');
});
