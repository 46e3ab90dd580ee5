// Goal: a sample is read exactly - 64-bit integers, NaN, text - and a wrong one names its line.
// Method: lines by hand against one signature; integers of random size there and back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, ServingError } from "../../../base/index.ts";
import type { Dtype } from "../../../tensor/index.ts";
import type { InputSpec, OutputSpec, Signature } from "../../signature.ts";
import { elementsOfJson } from "./json-elements.ts";
import { parseSamples, readSamples } from "./read-samples.ts";

function input(name: string, dtype: Dtype, shape: readonly number[]): InputSpec {
  const none = { min: undefined, max: undefined, lengthMin: undefined, lengthMax: undefined };
  const dimNames = shape.map(() => undefined);
  return {
    name,
    dtype,
    shape,
    dimNames,
    isOptional: false,
    columns: undefined,
    steps: [],
    ...none,
  };
}

function output(name: string, dtype: Dtype, shape: readonly number[]): OutputSpec {
  const dimNames = shape.map(() => undefined);
  return { name, dtype, shape, dimNames, role: "other", labels: undefined };
}

const signature: Signature = {
  inputs: [input("x", "FP32", [-1, 2])],
  outputs: [output("label", "INT64", [-1]), output("scores", "FP32", [-1, 2])],
  layout: { kind: "dynamic" },
};

function parse(...lines: readonly string[]) {
  const context = { from: { signature }, limits: defaultLimits, file: "samples.jsonl" };
  return parseSamples(lines.join("\n"), context);
}

function refusal(...lines: readonly string[]): string {
  try {
    parse(...lines);
  } catch (thrown) {
    if (ServingError.is(thrown) && thrown.code === "MODEL_INVALID") return thrown.message;
    throw thrown;
  }
  return "let in";
}

const x = '{"name":"x","shape":[1,2],"datatype":"FP32","data":[[1,2.5]]}';

test("reads requests and expected answers", () => {
  const scores = '{"name":"scores","shape":[1,2],"datatype":"FP32","data":[0.25,"NaN"]}';
  const label = '{"name":"label","shape":[1],"datatype":"INT64","data":["9007199254740993"]}';
  const [first, second] = parse(
    `{"inputs":[${x}],"outputs":[${scores},${label}],"tolerance":0.001}`,
    "",
    `{"inputs":[${x}]}`,
  );
  expect(first).toMatchObject({ line: 1, tolerance: 0.001, request: { items: 1 } });
  expect(first?.request.inputs[0]?.elements).toEqual(Float32Array.of(1, 2.5));
  expect(first?.expected.map((each) => each.index)).toEqual([1, 0]);
  expect(first?.expected[0]?.tensor.elements).toEqual(Float32Array.of(0.25, Number.NaN));
  expect(first?.expected[1]?.tensor.elements).toEqual(BigInt64Array.of(9_007_199_254_740_993n));
  expect(second).toMatchObject({ line: 3, expected: [], tolerance: 1e-5 });
});

test.each([
  ["text that is not JSON", "{"],
  ["a list", "[]"],
  ["an unknown key", `{"inputs":[${x}],"output":[]}`],
  ["no inputs", '{"outputs":[]}'],
  ["an unknown input", `{"inputs":[${x.replace('"x"', '"y"')}]}`],
  ["a wrong shape", `{"inputs":[${x.replace("[1,2]", "[2,1]")}]}`],
  ["a wrong count", `{"inputs":[${x.replace("[1,2]", "[2,2]")}]}`],
  ["a wrong datatype", `{"inputs":[${x.replace("FP32", "FP23")}]}`],
  ["text for a number", `{"inputs":[${x.replace("2.5", '"2.5"')}]}`],
  ["no items", `{"inputs":[${x.replace("[1,2]", "[0,2]").replace("[[1,2.5]]", "[]")}]}`],
  ["a negative tolerance", `{"inputs":[${x}],"tolerance":-1}`],
  ["an output of another datatype", `{"inputs":[${x}],"outputs":[${x.replace('"x"', '"label"')}]}`],
])("refuses %s and names the line", (_name, line) => {
  expect(refusal(`{"inputs":[${x}]}`, line)).toMatchSnapshot();
});

test("reads at most 1,000 samples", () => {
  const line = `{"inputs":[${x}]}`;
  expect(parse(...Array<string>(1_000).fill(line))).toHaveLength(1_000);
  expect(refusal(...Array<string>(1_001).fill(line))).toContain("line 1001: more than 1000");
});

test("a package without samples has none", async () => {
  const from = { folder: "/nowhere", samples: undefined, signature };
  expect(await readSamples(from, defaultLimits)).toEqual([]);
});

test("64-bit integers keep every digit, and the other dtypes their range", () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => {
      expect(elementsOfJson("INT64", [value.toString()], "data")).toEqual(BigInt64Array.of(value));
    }),
  );
  expect(() => elementsOfJson("INT64", ["9223372036854775808"], "data")).toThrow("got '92233");
  expect(() => elementsOfJson("INT64", [2 ** 53], "data")).toThrow("below 2^53");
  expect(() => elementsOfJson("UINT64", ["-1"], "data")).toThrow("string of digits");
  expect(elementsOfJson("BOOL", [true, 0], "data")).toEqual(Uint8Array.of(1, 0));
  expect(() => elementsOfJson("UINT8", [256], "data")).toThrow("from 0 to 255");
  expect(elementsOfJson("FP16", [0x3c00], "data")).toEqual(Uint16Array.of(0x3c00));
  expect(elementsOfJson("BYTES", [["ż"]], "data").length).toBe(1);
  expect(() => elementsOfJson("BYTES", [1], "data")).toThrow("expected a string");
  expect(() => elementsOfJson("FP32", 1, "data")).toThrow("expected a list");
});
