// Goal: what is written as raw bytes is read back the same, and wrong sizes are refused.
// Method: every datatype at its edges through request and reply bodies; a test client of the
// project, written apart, as the other side.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readRaw, writeRaw } from "./binary.ts";
import { readInferBody } from "./oip-body.ts";
import type { TensorInput } from "./tensor.ts";

/** A reply that holds one binary output. */
function replyOf(head: object, bytes: Uint8Array): { body: Uint8Array<ArrayBuffer>; json: number } {
  const output = { ...head, parameters: { binary_data_size: bytes.length } };
  const json = new TextEncoder().encode(
    JSON.stringify({ model_name: "m", model_version: "1", outputs: [output] }),
  );
  const body = new Uint8Array(json.length + bytes.length);
  body.set(json);
  body.set(bytes, json.length);
  return { body, json: json.length };
}

const inputs: readonly TensorInput[] = [
  { shape: [2], data: Float32Array.of(Number.NaN, -0) },
  { shape: [2], data: Float64Array.of(1e308, 5e-324) },
  { shape: [1], data: BigInt64Array.of(-(2n ** 63n)) },
  { shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  { shape: [2], data: Int16Array.of(-32768, 32767) },
  { shape: [0, 3], data: Uint32Array.of() },
  { shape: [1], data: Uint16Array.of(0x7e00), datatype: "BF16" },
];

test.each(inputs)("%o comes back from wherever it lies in a body", (input) => {
  const { datatype, shape, bytes } = writeRaw("x", input);
  for (const name of ["y", "yy", "yyy", "yyyy", "yyyyy", "yyyyyy", "yyyyyyy", "yyyyyyyy"]) {
    const { body, json } = replyOf({ name, datatype, shape }, bytes);
    expect(readInferBody(body, json).outputs[name]).toEqual({ datatype, shape, data: input.data });
  }
});

test("texts come back, whatever they hold; bytes that are no UTF-8 come back as bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => {
      const { datatype, shape, bytes } = writeRaw("x", { shape: [texts.length], data: texts });
      const read = readRaw({ name: "y", datatype, shape }, bytes.slice());
      if (texts.length > 0) expect(read.data).toEqual(texts);
    }),
  );
  const raw = writeRaw("x", { shape: [1], data: [Uint8Array.of(0xff)] });
  const read = readRaw({ ...raw, name: "y" }, raw.bytes.slice());
  expect(read.bytes?.[0]).toEqual(Uint8Array.of(0xff));
  expect(() => read.data).toThrow("y[0] is no UTF-8");
});

test("outputs that came as JSON become typed arrays too", () => {
  const outputs = [
    { name: "a", datatype: "INT64", shape: [2], data: [1, 2] },
    { name: "b", datatype: "FP32", shape: [1, 2], data: [0.5, 2] },
    { name: "c", datatype: "BOOL", shape: [1], data: [true] },
    { name: "d", datatype: "BYTES", shape: [1], data: ["x"] },
  ];
  const body = new TextEncoder().encode(JSON.stringify({ outputs }));
  const read = readInferBody(body, body.length).outputs;
  expect(read["a"]?.data).toEqual(BigInt64Array.of(1n, 2n));
  expect(read["b"]?.data).toEqual(Float32Array.of(0.5, 2));
  expect(read["c"]?.data).toEqual(Uint8Array.of(1));
  expect(read["d"]?.data).toEqual(["x"]);
});

test.each([
  [{ shape: [3], data: Float32Array.of(1) }, "x: shape [3] wants 3 elements, got 1"],
  [{ shape: [-1], data: Float32Array.of(1) }, "x: shape: expected whole numbers"],
  [{ shape: [1], data: Uint8Array.of(1), datatype: "FP32" }, "x: FP32 wants Float32Array"],
  [{ shape: [1], data: ["a"], datatype: "FP32" }, "x: FP32 wants a typed array, got a list"],
  [{ shape: [1], data: ["\ud800"] }, "x[0]: holds half a surrogate pair"],
] as const)("refuses %o", (input, message) => {
  expect(() => writeRaw("x", input as TensorInput)).toThrow(message);
});

test.each([
  [{ name: "y", datatype: "FP32", shape: [2] }, 4],
  [{ name: "y", datatype: "FP31", shape: [1] }, 4],
  [{ name: "y", datatype: "FP32", shape: [-1] }, 4],
  [{ name: "y", datatype: "BYTES", shape: [1] }, 3],
  [{ name: "y", datatype: "BYTES", shape: [2] }, 4],
])("a reply that contradicts itself is INVALID_REPLY: %o with %i bytes", (head, size) => {
  const { body, json } = replyOf(head, new Uint8Array(size));
  expect(() => readInferBody(body, json)).toThrow(
    expect.objectContaining({ code: "INVALID_REPLY" }),
  );
});
