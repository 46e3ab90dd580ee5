// Goal: the features of examples come to the inputs of a model exactly, and what does not fit is
// refused by the name of the feature. Method: messages written by protobuf's own code from the
// descriptors; random values; lies by hand.
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { inputSpec } from "../../../../test/support/rest-rig.ts";
import { defaultLimits, ServingError } from "../../../base/index.ts";
import { type InputSpec, prepareInputChecks } from "../../../model/index.ts";
import { ByteStrings, type OipTensor } from "../../../tensor/index.ts";
import { typeRegistry } from "../messages.ts";
import { formExamples } from "./form-examples.ts";
import { readExamples } from "./read-examples.ts";

const limits = { ...defaultLimits, requestItemsMax: 50, grpcMessageBytesMax: 4096 };

type Feature = ["floatList" | "int64List" | "bytesList", readonly unknown[]];
type Features = Readonly<Record<string, Feature>>;

function exampleOf(features: Features): object {
  const entries = Object.entries(features).map(([name, [kind, value]]) => [
    name,
    { kind: { case: kind, value: { value } } },
  ]);
  return { features: { feature: Object.fromEntries(entries) } };
}

function bytesOf(examples: readonly Features[], context?: Features): Buffer {
  const desc = typeRegistry().getMessage("tensorflow.serving.ClassificationRequest");
  if (desc === undefined) throw new Error("no descriptor");
  const list = { examples: examples.map(exampleOf) };
  const kind =
    context === undefined
      ? { case: "exampleList", value: list }
      : { case: "exampleListWithContext", value: { ...list, context: exampleOf(context) } };
  const value = { modelSpec: { name: "m" }, input: { kind } };
  return Buffer.from(toBinary(desc, create(desc, value as never) as Message));
}

function form(inputs: readonly InputSpec[], bytes: Buffer): OipTensor[] {
  const signature = { inputs, outputs: [], layout: { kind: "dynamic" } } as const;
  const checks = prepareInputChecks(signature, limits);
  return formExamples(bytes, readExamples(bytes, limits), { checks, limits });
}

function refusal(inputs: readonly InputSpec[], bytes: Buffer): string {
  try {
    form(inputs, bytes);
  } catch (thrown) {
    if (!ServingError.is(thrown)) throw thrown;
    return `${thrown.code} ${thrown.message}`;
  }
  return "accepted";
}

const pair = inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] });
const whole = inputSpec({ name: "n", dtype: "INT64", shape: [-1] });
const byte = inputSpec({ name: "b", dtype: "UINT8", shape: [-1] });
const text = inputSpec({ name: "t", dtype: "BYTES", shape: [-1] });
const named = inputSpec(
  { name: "f", dtype: "FP32", shape: [-1, 2] },
  {
    columns: [
      { name: "age", dtype: "FP32", min: 0, max: 120, default: undefined },
      { name: "tenure", dtype: "FP32", min: undefined, max: undefined, default: 7 },
    ],
  },
);

test("floats, whole numbers and texts of examples are the elements of their inputs", () => {
  const example = fc.record({
    x: fc.tuple(fc.float(), fc.float()),
    n: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    t: fc.uint8Array({ maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(example, { minLength: 1, maxLength: 5 }), (given) => {
      const bytes = bytesOf(
        given.map(({ x, n, t }) => ({
          ...{ x: ["floatList", x], n: ["int64List", [n]], t: ["bytesList", [t]] },
        })),
      );
      const [x, n, t] = form([pair, whole, text], bytes);
      expect(x).toMatchObject({ name: "x", dtype: "FP32", shape: [given.length, 2] });
      expect(Array.from(x?.elements as Float32Array)).toEqual(given.flatMap((each) => each.x));
      expect(Array.from(n?.elements as BigInt64Array)).toEqual(given.map((each) => each.n));
      const texts = t?.elements instanceof ByteStrings ? t.elements : ByteStrings.fromBytes([]);
      expect(given.map((_, index) => Buffer.from(texts.at(index)))).toEqual(
        given.map((each) => Buffer.from(each.t)),
      );
    }),
  );
});

test("columns come from the example, else from the context, else from their default", () => {
  const age = (value: number): Features => ({ age: ["floatList", [value]] });
  const [own] = form([named], bytesOf([{ ...age(1), tenure: ["int64List", [3n]] }, age(2)]));
  expect(own?.elements).toEqual(Float32Array.of(1, 3, 2, 7));
  const context: Features = { tenure: ["floatList", [5]], age: ["floatList", [9]] };
  const [shared] = form([named], bytesOf([age(1), {}], context));
  expect(shared?.elements).toEqual(Float32Array.of(1, 5, 9, 5));
  const [row] = form([named], bytesOf([{ f: ["floatList", [4, 6]] }]));
  expect(row?.elements).toEqual(Float32Array.of(4, 6));
});

test("an optional input may be left out by every example, not by some", () => {
  const optional = { ...whole, isOptional: true };
  const x: Features = { x: ["floatList", [1, 2]] };
  const n: Features = { n: ["int64List", [1n]] };
  expect(form([pair, optional], bytesOf([x, x])).map(({ name }) => name)).toEqual(["x"]);
  expect(refusal([pair, optional], bytesOf([{ ...x, ...n }, x]))).toContain("examples[1]");
  expect(refusal([pair, optional], bytesOf([x, { ...x, ...n }]))).toContain("examples[0]");
});

const lies: readonly [string, InputSpec, readonly Features[], string][] = [
  ["no examples", pair, [], "INVALID_INPUT input: no examples"],
  ["a missing feature", pair, [{}], "input.examples[0]: feature 'x' missing"],
  ["an unknown feature", pair, [{ y: ["floatList", [1]] }], "has no feature 'y'"],
  ["too few values", pair, [{ x: ["floatList", [1]] }], "features['x']: 1 values, expected 2"],
  ["too many values", pair, [{ x: ["floatList", [1, 2, 3]] }], "3 values, expected 2"],
  ["an empty list", whole, [{ n: ["int64List", []] }], "0 values, expected 1"],
  ["floats for whole numbers", whole, [{ n: ["floatList", [1]] }], "expected int64_list"],
  ["texts for numbers", pair, [{ x: ["bytesList", [Buffer.of(1)]] }], "expected float_list"],
  ["numbers for texts", text, [{ t: ["int64List", [1n]] }], "expected bytes_list"],
  ["a wide byte", byte, [{ b: ["int64List", [256n]] }], "256, expected 0 to 255 (UINT8)"],
  ["a free shape", { ...pair, shape: [-1, -1] }, [{}], "which examples cannot fill: ask Predict"],
  ["half floats", { ...pair, dtype: "FP16" }, [{}], "takes FP16: ask Predict"],
];

test.each(lies)("%s is refused", (_name, input, examples, words) => {
  expect(refusal([input], bytesOf(examples))).toContain(words);
});

test("many examples are held to the limits of a request and of a message", () => {
  const one: Features = { x: ["floatList", [1, 2]] };
  const examples = new Array<Features>(limits.requestItemsMax).fill(one);
  expect(refusal([pair], bytesOf(examples))).toBe("accepted");
  expect(refusal([pair], bytesOf([...examples, one]))).toContain(
    "LIMIT_EXCEEDED input: at most 50",
  );
  const large = inputSpec({ name: "x", dtype: "FP32", shape: [-1, 500] });
  expect(refusal([large], bytesOf([{}, {}, {}]))).toContain("grpcMessageBytesMax");
  const context: Features = { t: ["bytesList", [Buffer.alloc(200)]] };
  const many = bytesOf(new Array<Features>(30).fill({}), context);
  expect(refusal([text], many)).toContain("grpcMessageBytesMax");
});

test("a cut or changed message is read or refused, and never anything else", () => {
  const bytes = bytesOf([{ age: ["floatList", [1]] }], { tenure: ["int64List", [5n]] });
  const edit = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }));
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 3 }), fc.nat({ max: bytes.length }), (edits, end) => {
      const changed = Buffer.from(bytes);
      for (const [at, value] of edits) changed[at] = value;
      seen.add(refusal([named], changed.subarray(0, end)).split(" ")[0] ?? "");
    }),
    { numRuns: 2_000 },
  );
  expect([...seen]).toEqual(expect.arrayContaining(["INVALID_REQUEST", "INVALID_INPUT"]));
});
