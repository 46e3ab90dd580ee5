// Goal: a small view of a large frame is copied with its values, everything else is left as it is.
// Method: views of known shares of their memory.
import { expect, test } from "vitest";
import { ByteStrings } from "./byte-strings.ts";
import { ownBytes, ownTensor } from "./own-tensor.ts";
import { makeTensor, type Tensor } from "./tensor.ts";

test("copies a small view and nothing else", () => {
  const frame = Float32Array.from({ length: 100 }, (_, index) => index);
  const small = makeTensor("FP32", [2], frame.subarray(10, 12));
  const own = ownTensor(small);
  expect(own).toEqual({ dtype: "FP32", shape: [2], elements: new Float32Array([10, 11]) });
  expect((own.elements as Float32Array).buffer.byteLength).toBe(8);
  const half = makeTensor("FP32", [50], frame.subarray(0, 50));
  expect(ownTensor(half)).toBe(half);
  const texts: Tensor = makeTensor("BYTES", [1], ByteStrings.fromText(["a"]));
  expect(ownTensor(texts)).toBe(texts);
});

test("copies bytes of a buffer in the same way, whatever their class", () => {
  const frame = Buffer.alloc(1_000, 7);
  const own = ownBytes(frame.subarray(5, 8));
  expect([...own]).toEqual([7, 7, 7]);
  expect(own.buffer.byteLength).toBe(3);
  const most = new Uint8Array(frame.buffer, 0, frame.buffer.byteLength);
  expect(ownBytes(most)).toBe(most);
});
