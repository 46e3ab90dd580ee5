// Goal: what is written reads back as the same value, as short as it can be, or is refused by name.
// Method: tables by hand for every dtype; random float32 patterns are left to the codec fuzz.
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";
import type { Dtype } from "../dtype.ts";
import type { NumericArray } from "../numeric-array.ts";
import { makeTensor, type Tensor } from "../tensor.ts";
import { elementJsonText, elementsJsonText, rowsJsonText } from "./element-text.ts";
import { float32Text, writeFloat32 } from "./float32-text.ts";
import { JsonWriter } from "./json-writer.ts";

function tensorOf(dtype: Dtype, elements: NumericArray | ByteStrings): Tensor {
  return makeTensor(dtype, [elements.length], elements);
}

/** The elements one by one, as a run, and as a long run of bytes cut to the first round. */
function allWays(tensor: Tensor): string[] {
  const count = tensor.elements.length;
  const single = Array.from({ length: count }, (_, index) => elementJsonText(tensor, index, "x"));
  const writer = new JsonWriter(0);
  writer.elements(tensor, { from: 0, to: count, name: "x" });
  return [
    single.join(","),
    elementsJsonText(tensor, { from: 0, to: count, name: "x" }),
    writer.takeText(),
  ];
}

function refusal(act: () => void): string {
  try {
    act();
  } catch (thrown) {
    if (ServingError.is(thrown)) return `${thrown.code} ${thrown.message} (${thrown.field})`;
    throw thrown;
  }
  return "nothing was thrown";
}

const written: [Dtype, NumericArray | ByteStrings, string][] = [
  ["FP32", Float32Array.of(0.1, -0, 0, 1, -70.5, 1680), "0.1,-0,0,1,-70.5,1680"],
  ["FP64", Float64Array.of(0.1, -0, 1e300, 5e-324), "0.1,-0,1e+300,5e-324"],
  ["BOOL", Uint8Array.of(1, 0), "true,false"],
  ["INT8", Int8Array.of(-128, 127), "-128,127"],
  ["UINT32", Uint32Array.of(4294967295), "4294967295"],
  [
    "INT64",
    BigInt64Array.of(
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 53n + 1n,
      0n,
      7n,
      -7n,
      2n ** 31n,
      2n ** 32n,
    ),
    "9223372036854775807,-9223372036854775808,9007199254740993,0,7,-7,2147483648,4294967296",
  ],
  ["UINT64", BigUint64Array.of(2n ** 64n - 1n), "18446744073709551615"],
  [
    "BYTES",
    ByteStrings.fromText(["plain", "", 'a"b\\c\n\u0001', "\u00e9\u{1f600}\u007f"]),
    `"plain","","a\\"b\\\\c\\n\\u0001","\u00e9\u{1f600}\u007f"`,
  ],
];

test.each(written)("writes %s", (dtype, elements, text) => {
  expect(allWays(tensorOf(dtype, elements))).toEqual([text, text, text]);
});

const float32s: [number, string][] = [
  [16_777_216, "16777216"],
  [0.3, "0.3"],
  [1 / 3, "0.33333334"],
  [0.1 + 1e-8, "0.10000001"],
  [1e-6, "0.000001"],
  [9.5e-7, "9.5e-7"],
  [1.5e-14, "1.5e-14"],
  [1.2345e-20, "1.2345e-20"],
  [999_999_936, "999999940"],
  [1e9, "1000000000"],
  [3.4028234663852886e38, "3.4028235e+38"],
  [1.1754943508222875e-38, "1.1754944e-38"],
  [8_388_607.5, "8388607.5"],
  [0.99999994, "0.99999994"],
  [9.999999, "9.999999"],
  [1_234_567.9, "1234567.9"],
];

test.each(float32s)("prints the float32 %d as %s", (value, text) => {
  const single = Math.fround(value);
  // 999,999,936 is whole, and whole numbers below 10^9 keep all their digits.
  const wanted = text === "999999940" ? "999999936" : text;
  expect(float32Text(single)).toBe(wanted);
  expect(float32Text(-single)).toBe(`-${wanted}`);
  const target = Buffer.alloc(32);
  expect(target.toString("latin1", 0, writeFloat32(target, 0, -single))).toBe(`-${wanted}`);
});

test("writes a long run and a part of it as the single elements say", () => {
  const elements = Float32Array.from({ length: 500 }, (_, index) => Math.fround(index / 7));
  const tensor = tensorOf("FP32", elements);
  const single = Array.from(elements, (_, index) => elementJsonText(tensor, index, "x"));
  expect(elementsJsonText(tensor, { from: 0, to: 500, name: "x" })).toBe(single.join(","));
  expect(elementsJsonText(tensor, { from: 7, to: 300, name: "x" })).toBe(
    single.slice(7, 300).join(","),
  );
  expect(elementsJsonText(tensor, { from: 7, to: 7, name: "x" })).toBe("");
  expect(rowsJsonText(tensor, { from: 2, to: 6, name: "x" }, 2)).toBe(
    `[${single.slice(2, 4)}],[${single.slice(4, 6)}]`,
  );
  expect(rowsJsonText(tensor, { from: 2, to: 2, name: "x" }, 2)).toBe("");
});

test("hands over bytes in memory of their own", () => {
  for (const room of [0, 100_000]) {
    const writer = new JsonWriter(room);
    writer.text('{"\u00e9":[');
    writer.elements(tensorOf("FP32", Float32Array.of(1, 2)), { from: 0, to: 2, name: "x" });
    writer.text("]}");
    const bytes = writer.takeBytes();
    expect(Buffer.from(bytes).toString()).toBe('{"\u00e9":[1,2]}');
    expect(bytes.byteOffset).toBe(0);
  }
});

test("refuses what JSON cannot say, naming output and element", () => {
  const bad: [Dtype, NumericArray | ByteStrings, string][] = [
    ["FP32", Float32Array.of(1, Number.NaN), "element 1 is NaN"],
    ["FP32", Float32Array.of(1, Number.NEGATIVE_INFINITY), "element 1 is -Infinity"],
    ["FP64", Float64Array.of(1, Number.POSITIVE_INFINITY), "element 1 is Infinity"],
    ["FP16", Uint16Array.of(1, 2), "FP16 cannot travel in JSON"],
    ["BF16", Uint16Array.of(1, 2), "BF16 cannot travel in JSON"],
    [
      "BYTES",
      ByteStrings.fromBytes([Buffer.from("a"), Buffer.from([0xff])]),
      "element 1 is not UTF-8",
    ],
  ];
  for (const [dtype, elements, part] of bad) {
    const tensor = tensorOf(dtype, elements);
    const range = { from: 0, to: 2, name: "scores" };
    const hint = "ask for it as binary tensor data (scores)";
    const wanted = `OUTPUT_NOT_REPRESENTABLE output 'scores': ${part}, ${hint}`;
    expect(refusal(() => elementsJsonText(tensor, range))).toBe(wanted);
    expect(refusal(() => new JsonWriter(0).elements(tensor, range))).toBe(wanted);
  }
});
