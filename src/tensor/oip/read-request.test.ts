// Goal: a request is read exactly, in any key order and nesting, and a wrong one is refused by its
// field. Method: random tensors against typed arrays filled from the same values; faults by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, ServingError } from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";
import type { OipLimits, OipRequest } from "./oip-request.ts";
import { readOipRequest } from "./read-request.ts";

const limits: OipLimits = { ...defaultLimits, elementsMax: 1_000_000 };

function read(body: unknown, own: Partial<OipLimits> = {}): OipRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readOipRequest(Buffer.from(text), { ...limits, ...own });
}

function refusal(body: unknown, own: Partial<OipLimits> = {}): string {
  try {
    read(body, own);
  } catch (thrown) {
    if (!ServingError.is(thrown)) throw thrown;
    return `${thrown.code} ${thrown.field ?? ""} | ${thrown.message}`;
  }
  return "accepted";
}

/** A request with one input, of which some keys are given. */
function withInput(input: object): object {
  return { inputs: [{ name: "x", datatype: "FP32", shape: [2], data: [1, 2], ...input }] };
}

function plain(elements: unknown): unknown[] {
  if (elements instanceof ByteStrings) return elements.toTexts() as string[];
  return Array.from(elements as Float64Array);
}

const dtypes = {
  FP32: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => Math.fround(value)),
  FP64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  INT32: fc.integer(),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  UINT8: fc.integer({ min: 0, max: 255 }),
  INT16: fc.integer({ min: -32_768, max: 32_767 }),
  BOOL: fc.boolean(),
  BYTES: fc.string({ unit: "grapheme", maxLength: 12 }),
} as const;

type Value = number | bigint | boolean | string;

interface Given {
  readonly dtype: keyof typeof dtypes;
  readonly shape: number[];
  readonly values: Value[];
  readonly isNested: boolean;
  readonly keys: number[];
}

const given: fc.Arbitrary<Given> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(dtypes) as (keyof typeof dtypes)[])),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  })
  .chain(({ dtype, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const value: fc.Arbitrary<Value> = dtypes[dtype];
    return fc.record({
      dtype: fc.constant(dtype),
      shape: fc.constant(shape),
      values: fc.array(value, { minLength: count, maxLength: count }),
      isNested: fc.boolean(),
      keys: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5, maxLength: 5 }),
    });
  });

function valueText(value: Value): string {
  if (typeof value === "bigint") return value.toString();
  return Object.is(value, -0) ? "-0" : JSON.stringify(value);
}

/** The slow twin of the reader's nesting: splits a flat list by the shape. */
function nestedText(texts: readonly string[], shape: readonly number[]): string {
  const [size, ...inner] = shape;
  if (size === undefined) return texts[0] ?? "";
  const stride = inner.reduce((product, each) => product * each, 1);
  const parts = Array.from({ length: size }, (_, index) =>
    nestedText(texts.slice(index * stride, (index + 1) * stride), inner),
  );
  return `[${parts.join(" , ")}]`;
}

function inputText(tensor: Given): string {
  const texts = tensor.values.map(valueText);
  const isNested = tensor.isNested && tensor.shape.length > 0;
  const members = [
    `"name":"x"`,
    `"datatype": "${tensor.dtype}"`,
    `"shape":[${tensor.shape.join(",")}]`,
    `"data":${isNested ? nestedText(texts, tensor.shape) : `[${texts.join(",")}]`}`,
    `"other":{"data":[{"shape":[1]}]}`,
  ];
  return `{${tensor.keys.map((key) => members[key]).join(",")}}`;
}

test("reads every dtype exactly, flat or nested, with the keys in any order", () => {
  fc.assert(
    fc.property(fc.array(given, { maxLength: 4 }), (tensors) => {
      const request = read(`{"inputs":[${tensors.map(inputText).join(",")}],"id":"seven"}`);
      expect(request.id).toBe("seven");
      expect(request.inputs.map((input) => input.shape)).toEqual(tensors.map((each) => each.shape));
      request.inputs.forEach((input, index) => {
        const tensor = tensors[index] as Given;
        const wanted = tensor.values.map((each) => (typeof each === "boolean" ? +each : each));
        expect(plain(input.elements)).toEqual(wanted);
      });
    }),
  );
});

test("takes a nesting that is regular though not the shape's, and refuses a ragged one", () => {
  const shape = [2, 2, 2];
  const data = [1, 2, 3, 4, 5, 6, 7, 8];
  const halves = [data.slice(0, 4), data.slice(4)];
  expect(plain(read(withInput({ shape, data: halves })).inputs[0]?.elements)).toEqual(data);
  expect(refusal(withInput({ shape: [2, 2], data: [[1], [2, 3, 4]] }))).toMatchSnapshot();
  expect(refusal(withInput({ shape: [4], data: [1, [2, 3], 4] }))).toMatchSnapshot();
  expect(refusal(withInput({ shape: [4], data: [[1, 2], 3, 4] }))).toMatchSnapshot();
  const ragged = [[[1], [2]], [[3]]];
  expect(refusal(withInput({ shape: [3], data: ragged }))).toMatchSnapshot();
  const turned = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];
  expect(refusal(withInput({ shape: [2, 3], data: turned }))).toMatchSnapshot();
});

test("says what the envelope lacks or has too much of", () => {
  const wrong = [
    "[1]",
    "{}",
    '{"features":[1,2,3,4]}',
    '{"inputs":{}}',
    '{"inputs":[5]}',
    '{"inputs":[],"inputs":[]}',
    '{"inputs":[],"id":5}',
    '{"inputs":[],"outputs":[{}]}',
    '{"inputs":[{"sepal":[5.1]}]}',
    '{"inputs":[{"name":"x","shape":[1]}]}',
    '{"inputs":[{"name":"x","datatype":"FP32"}]}',
    '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"contents":{}}]}',
    '{"inputs":[{"name":"x","name":"y"}]}',
    '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"data":[2]}]}',
    '{"inputs":[]',
    '{"inputs":[]} x',
    "",
  ];
  expect(wrong.map((body) => refusal(body))).toMatchSnapshot();
});

test("refuses shapes that are none, by the dimension", () => {
  const shapes = ["-1", "1.5", "1e400", "9007199254740992", '"2"', "null", "[2]", "1e99"];
  const wrong = shapes.map((size) =>
    refusal(`{"inputs":[{"name":"x","datatype":"FP32","shape":[1,${size}],"data":[1]}]}`),
  );
  expect(wrong).toMatchSnapshot();
  expect(refusal(withInput({ shape: 2 }))).toContain("inputs[0].shape: expected a list");
  const spelt = '{"inputs":[{"name":"x","datatype":"FP32","shape":[2.0,10e-1],"data":[1,2]}]}';
  expect(read(spelt).inputs[0]?.shape).toEqual([2, 1]);
});

test("products that would wrap at 2^32, 2^53 or 2^64 are over the limit of elements", () => {
  const shapes = [
    [2 ** 31, 2],
    [2 ** 16, 2 ** 16],
    [2 ** 27, 2 ** 27],
    [2 ** 32, 2 ** 32],
    [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1],
  ];
  for (const shape of shapes) {
    for (const input of [
      { shape },
      { shape, data: undefined, parameters: { binary_data_size: 4 } },
    ]) {
      expect(refusal(withInput(input))).toMatch(
        /^LIMIT_EXCEEDED inputs\[0\].shape \| .*elementsMax/,
      );
    }
  }
  expect(refusal(withInput({ shape: [2 ** 53 - 1, 0], data: [] }))).toBe("accepted");
});

test("a shape that lies about its data takes no memory for it", () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 200; round += 1) {
    const input = { shape: [64, 1024, 1024], datatype: "FP64" };
    expect(refusal(withInput(input), { elementsMax: 2 ** 26 })).toContain("2 values, expected");
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
});

test("data that is short, long or of another kind names the place", () => {
  const inputs = [
    { data: [1] },
    { data: [1, 2, 3] },
    { shape: [2, 2], data: [[1, 2]] },
    { data: 5 },
    { data: [1, null] },
    { data: [1, "2"] },
    { data: [1, true] },
    { datatype: "INT32", data: [1, 1.5] },
    { datatype: "INT32", data: [1, 2 ** 31] },
    { datatype: "UINT8", data: [-1, 256] },
    { datatype: "BOOL", data: [true, 2] },
    { datatype: "BYTES", data: ["a", 5] },
    { datatype: "BYTES", data: ["a"] },
    { datatype: "BYTES", shape: [2, 2], data: [["a", "b"], ["c"]] },
    { datatype: "FP16" },
    { datatype: "BF16" },
    { datatype: "INT322" },
    { datatype: 5 },
  ];
  expect(inputs.map((input) => refusal(withInput(input)))).toMatchSnapshot();
});

test("numbers at the edges: NaN and 1e400 refused, -0 kept, int64 exact", () => {
  const body = (datatype: string, value: string): string =>
    `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1],"data":[${value}]}]}`;
  for (const value of ["NaN", "Infinity", "-Infinity"]) {
    expect(refusal(body("FP32", value))).toMatch(/^INVALID_REQUEST /);
  }
  for (const [dtype, value] of [
    ["FP32", "1e39"],
    ["FP64", "1e400"],
    ["FP64", "-1e400"],
    ["INT64", "9223372036854775808"],
    ["UINT64", "18446744073709551616"],
  ]) {
    expect(refusal(body(dtype ?? "", value ?? ""))).toContain("INVALID_INPUT inputs[0].data[0]");
  }
  const one = (datatype: string, value: string): unknown =>
    plain(read(body(datatype, value)).inputs[0]?.elements)[0];
  expect(Object.is(one("FP32", "-0"), -0)).toBe(true);
  expect(one("INT64", "9007199254740993")).toBe(9007199254740993n);
  expect(one("INT64", "-9223372036854775808")).toBe(-(2n ** 63n));
  expect(one("UINT64", "18446744073709551615")).toBe(2n ** 64n - 1n);
  expect(refusal(body("BYTES", '"\\ud800"'))).toContain("surrogate");
});

test("counts are refused at their limits", () => {
  const many = (count: number): object => ({
    inputs: Array.from({ length: count }, (_, index) => ({
      name: `x${index}`,
      datatype: "FP32",
      shape: [1],
      data: [index],
    })),
  });
  expect(refusal(many(64))).toBe("accepted");
  expect(refusal(many(65))).toContain("LIMIT_EXCEEDED inputs | inputs: more than 64 tensors");
  expect(refusal(many(10_000))).toContain("inputsMax");
  const outputs = (count: number): object => ({
    inputs: [],
    outputs: Array.from({ length: count }, (_, index) => ({ name: `y${index}` })),
  });
  expect(refusal(outputs(64))).toBe("accepted");
  expect(refusal(outputs(65))).toContain("outputsMax");
  const ranked = (rank: number): object => withInput({ shape: new Array(rank).fill(1), data: [1] });
  expect(refusal(ranked(8))).toBe("accepted");
  expect(refusal(ranked(9))).toContain("rankMax");
  expect(refusal(withInput({ shape: [5], data: [1, 2, 3, 4, 5] }), { elementsMax: 5 })).toBe(
    "accepted",
  );
  expect(refusal(withInput({ shape: [6], data: [] }), { elementsMax: 5 })).toContain("elementsMax");
  const text = (bytes: number): object =>
    withInput({ datatype: "BYTES", shape: [1], data: ["x".repeat(bytes)] });
  expect(refusal(text(8), { stringElementBytesMax: 8 })).toBe("accepted");
  expect(refusal(text(9), { stringElementBytesMax: 8 })).toContain("stringElementBytesMax");
  const named = (count: number): object => ({
    inputs: [],
    parameters: Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, 1])),
  });
  expect(refusal(named(64))).toBe("accepted");
  expect(refusal(named(65))).toContain("64 parameters");
  expect(refusal({ inputs: [], id: "x".repeat(1_025) })).toContain("1024 bytes");
});

test("takes the reserved parameters out and keeps the others", () => {
  const parameters = {
    sequence_id: 7,
    sequence_start: true,
    sequence_end: false,
    priority: 2,
    timeout: 5_000,
    binary_data_output: true,
    headers: { authorization: ["x"] },
    content_type: "pd",
    big: 1,
  };
  const request = read(
    JSON.stringify({ inputs: [], parameters }).replace('"big":1', '"big":1e300'),
  );
  expect(request).toMatchObject({ priority: 2, timeoutUs: 5_000, isBinaryDefault: true });
  expect([...(request.parameters ?? [])]).toEqual([
    ["content_type", "pd"],
    ["big", 1e300],
  ]);
  const exact = read('{"inputs":[],"parameters":{"seed":9007199254740993}}');
  expect(exact.parameters?.get("seed")).toBe(9007199254740993n);
});

test("refuses parameters that are none, reserved or another feature's", () => {
  const wrong = [
    { triton_final_response: true },
    { priority: -1 },
    { timeout: "soon" },
    { sequence_id: -1 },
    { sequence_start: 1 },
    { binary_data_output: "yes" },
    { nested: { a: 1 } },
    { list: [1] },
    { nothing: null },
  ];
  expect(wrong.map((parameters) => refusal({ inputs: [], parameters }))).toMatchSnapshot();
  const region = { parameters: { shared_memory_region: "r" }, data: undefined };
  expect(refusal(withInput(region))).toMatch(
    /^UNSUPPORTED .* \| shared memory is not supported: send tensors in the request body$/,
  );
  const output = {
    inputs: [],
    outputs: [{ name: "y", parameters: { shared_memory_region: "r" } }],
  };
  expect(refusal(output)).toContain("UNSUPPORTED");
});

test("reads what is asked of outputs and of the binary part", () => {
  const request = read({
    inputs: [{ name: "x", datatype: "FP16", shape: [2], parameters: { binary_data_size: 4 } }],
    outputs: [
      { name: "a" },
      { name: "b", parameters: { binary_data: true } },
      { name: "c", parameters: { classification: 3, binary_data: false } },
    ],
  });
  expect(request.inputs[0]).toMatchObject({ binaryBytes: 4, elements: undefined });
  expect(request.outputs).toEqual([
    { name: "a", isBinary: undefined, classes: 0 },
    { name: "b", isBinary: true, classes: 0 },
    { name: "c", isBinary: false, classes: 3 },
  ]);
  expect(refusal(withInput({ parameters: { binary_data_size: 8 } }))).toContain("one of them");
  expect(refusal(withInput({ parameters: { binary_data_size: -8 } }))).toContain("whole number");
});

test("names of prototypes are names and nothing else", () => {
  const body = '{"inputs":[],"__proto__":{"x":1},"parameters":{"__proto__":"a","constructor":1}}';
  const request = read(body);
  expect([...(request.parameters ?? [])]).toEqual([
    ["__proto__", "a"],
    ["constructor", 1],
  ]);
  expect(Object.keys(Object.prototype)).toEqual([]);
});
