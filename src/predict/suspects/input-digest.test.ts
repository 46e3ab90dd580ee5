// Goal: equal inputs have equal digests and fingerprints, and other inputs other digests.
// Method: pairs that differ in one thing, and views of the same content in other memory.
import { expect, test } from "vitest";
import { ByteStrings, makeTensor, sliceItems, type Tensor } from "../../tensor/index.ts";
import { digestInputs, fingerprintInputs } from "./input-digest.ts";

const row = makeTensor("FP32", [1, 2], Float32Array.of(1, 2));
const text = (...texts: string[]): Tensor =>
  makeTensor("BYTES", [texts.length], ByteStrings.fromText(texts));

test("names content, not memory", () => {
  const both = makeTensor("FP32", [2, 2], Float32Array.of(9, 9, 1, 2));
  const view = sliceItems(both, 1, 2);
  expect(digestInputs([view])).toBe(digestInputs([row]));
  expect(fingerprintInputs([view])).toBe(fingerprintInputs([row]));
  const texts = sliceItems(text("x", "ab", "c"), 1, 3);
  expect(digestInputs([texts])).toBe(digestInputs([text("ab", "c")]));
  expect(fingerprintInputs([texts])).toBe(fingerprintInputs([text("ab", "c")]));
});

test.each<[string, readonly (Tensor | undefined)[], readonly (Tensor | undefined)[]]>([
  ["a value", [row], [makeTensor("FP32", [1, 2], Float32Array.of(1, 3))]],
  [
    "the sign of zero",
    [makeTensor("FP32", [1], Float32Array.of(0))],
    [makeTensor("FP32", [1], Float32Array.of(-0))],
  ],
  ["the shape", [row], [makeTensor("FP32", [2, 1], Float32Array.of(1, 2))]],
  [
    "the dtype",
    [makeTensor("INT8", [1], new Int8Array(1))],
    [makeTensor("UINT8", [1], new Uint8Array(1))],
  ],
  ["where strings are cut", [text("ab", "c")], [text("a", "bc")]],
  ["which input is given", [row, undefined], [undefined, row]],
])("tells apart what differs in %s", (_, one, other) => {
  expect(digestInputs(one)).not.toBe(digestInputs(other));
});
