// Goal: a request is read exactly from the bytes that protobuf's own writer makes of it, in any
// order of fields, and nothing but a refusal comes of other bytes. Method: random requests written
// by the descriptors; random bytes and cuts; odd spellings by hand.
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, ServingError } from "../../../base/index.ts";
import { ByteStrings } from "../../../tensor/index.ts";
import { typeRegistry } from "../messages.ts";
import { decodeInfer, readModel } from "./decode.ts";

const desc = typeRegistry().getMessage("inference.ModelInferRequest");

function bytesOf(value: object): Buffer {
  if (desc === undefined) throw new Error("no descriptor");
  return Buffer.from(toBinary(desc, create(desc, value as never) as Message));
}

function refusal(bytes: Buffer): string {
  try {
    decodeInfer(bytes, defaultLimits);
  } catch (thrown) {
    if (!ServingError.is(thrown)) throw thrown;
    return `${thrown.code} ${thrown.message}`;
  }
  return "accepted";
}

const lists = {
  BOOL: ["boolContents", fc.boolean()],
  INT8: ["intContents", fc.integer({ min: -128, max: 127 })],
  INT32: ["intContents", fc.integer()],
  INT64: ["int64Contents", fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  UINT8: ["uintContents", fc.integer({ min: 0, max: 255 })],
  UINT32: ["uintContents", fc.nat({ max: 2 ** 31 - 1 })],
  UINT64: ["uint64Contents", fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  FP32: ["fp32Contents", fc.float({ noNaN: true })],
  FP64: ["fp64Contents", fc.double({ noNaN: true })],
  BYTES: ["bytesContents", fc.uint8Array({ maxLength: 9 })],
} as const;

type Listed = keyof typeof lists;

test("reads the typed contents of every datatype exactly", () => {
  const tensor = fc.constantFrom(...(Object.keys(lists) as Listed[])).chain((datatype) =>
    fc.record({
      datatype: fc.constant(datatype),
      values: fc.array<unknown>(lists[datatype][1] as fc.Arbitrary<unknown>, { maxLength: 6 }),
    }),
  );
  fc.assert(
    fc.property(tensor, fc.string(), ({ datatype, values }, id) => {
      const contents = { [lists[datatype][0]]: values };
      const inputs = [{ name: "x", datatype, shape: [BigInt(values.length)], contents }];
      const read = decodeInfer(bytesOf({ modelName: "m", id, inputs }), defaultLimits);
      expect(read.request.id).toBe(id === "" ? undefined : id);
      const elements = read.tensors[0]?.elements;
      if (elements instanceof ByteStrings) {
        expect(values.map((_, index) => Buffer.from(elements.at(index)))).toEqual(
          values.map((each) => Buffer.from(each as Uint8Array)),
        );
        return;
      }
      const wanted = values.map((each) => (typeof each === "boolean" ? Number(each) : each));
      expect(Array.from(elements as Float64Array)).toEqual(wanted);
    }),
  );
});

test("a cut or changed message is read or refused, and never anything else", () => {
  const whole = bytesOf({
    modelName: "m",
    parameters: { priority: { parameterChoice: { case: "int64Param", value: 3n } } },
    inputs: [{ name: "x", datatype: "FP32", shape: [1n, 4n] }],
    outputs: [{ name: "y" }],
    rawInputContents: [new Uint8Array(16)],
  });
  expect(refusal(whole)).toBe("accepted");
  const edit = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 4 }), fc.nat({ max: whole.length }), (edits, end) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of edits) bytes[at] = value;
      refusal(bytes.subarray(0, end));
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      refusal(Buffer.from(bytes));
      try {
        readModel(Buffer.from(bytes));
      } catch (thrown) {
        expect(ServingError.is(thrown)).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("names what does not fit", () => {
  const input = { name: "x", datatype: "FP32", shape: [2n] };
  const typed = (contents: object, more: object = {}): string =>
    refusal(bytesOf({ modelName: "m", inputs: [{ ...input, ...more, contents }] }));
  expect(typed({ fp32Contents: [1, 2] })).toBe("accepted");
  expect(typed({ fp32Contents: [1] })).toContain("1 values in fp32_contents, expected 2");
  expect(typed({ intContents: [1, 2] })).toContain("int_contents for datatype FP32");
  expect(typed({}, { datatype: "FP16" })).toContain("FP16 travels in raw_input_contents only");
  expect(typed({ intContents: [1, 128] }, { datatype: "INT8" })).toContain("element 1 is 128");
  expect(typed({}, { shape: [-1n] })).toContain("inputs[0].shape[0]: expected a whole number");
  expect(typed({}, { shape: [2n ** 40n] })).toContain("LIMIT_EXCEEDED inputs[0].shape");
  const region = { shared_memory_region: { parameterChoice: { case: "stringParam", value: "r" } } };
  expect(typed({}, { parameters: region })).toMatch(/^UNSUPPORTED shared memory/);
  const raw = { modelName: "m", inputs: [input, input], rawInputContents: [new Uint8Array(8)] };
  expect(refusal(bytesOf(raw))).toContain("raw_input_contents: 1 tensors, expected 2");
});
