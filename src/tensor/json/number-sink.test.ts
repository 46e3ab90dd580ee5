// Goal: numbers arrive exactly, or the refusal names field, place, what was expected and what came.
// Method: tables at the edge of every range; the differential test of the codecs does the bulk.
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import type { NumericDtype } from "../dtype.ts";
import { NumberSink } from "./number-sink.ts";
import { JsonReader } from "./reader.ts";

function sinkOf(dtype: NumericDtype, capacity = 0, countMax = 1_000): NumberSink {
  return new NumberSink({ dtype, field: "data", countMax, capacity });
}

function readRow(dtype: NumericDtype, row: string, length: number): unknown[] {
  const sink = sinkOf(dtype, length);
  const reader = new JsonReader(Buffer.from(row), 4);
  sink.readRow(reader, length);
  reader.end();
  return Array.from<unknown>(sink.take());
}

function refusal(act: () => void): string {
  try {
    act();
  } catch (thrown) {
    if (ServingError.is(thrown)) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
  return "nothing was thrown";
}

const taken: [NumericDtype, string, unknown[]][] = [
  ["FP32", "[35.0, 24,70.5 ,1680]", [35, 24, 70.5, 1680]],
  ["FP32", "[0.1,-0,-0.0,1e-46,16777217]", [Math.fround(0.1), -0, -0, 0, 16777216]],
  ["FP32", "[3.4028235e38,-3.4028235e38]", [3.4028234663852886e38, -3.4028234663852886e38]],
  ["FP64", "[0.1,1e308,5e-324,1e-400,-0]", [0.1, 1e308, 5e-324, 0, -0]],
  ["INT8", "[-128,127,0,-0]", [-128, 127, 0, 0]],
  ["UINT8", "[0,255,1.0,1e2,2.50e1,1000e-1]", [0, 255, 1, 100, 25, 100]],
  ["INT16", "[-32768,32767]", [-32768, 32767]],
  ["UINT16", "[65535]", [65535]],
  ["INT32", "[-2147483648,2147483647]", [-2147483648, 2147483647]],
  ["UINT32", "[4294967295]", [4294967295]],
  [
    "INT64",
    "[9223372036854775807,-9223372036854775808,9007199254740993,-1,0,-0,999999999999999]",
    [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -1n, 0n, 0n, 999999999999999n],
  ],
  [
    "INT64",
    "[-4294967296,-4294967297,4294967296,1e18]",
    [-(2n ** 32n), -4294967297n, 2n ** 32n, 10n ** 18n],
  ],
  [
    "UINT64",
    "[18446744073709551615,0,1.8446744073709551615e19]",
    [2n ** 64n - 1n, 0n, 2n ** 64n - 1n],
  ],
  ["BOOL", "[true,false,0,1]", [1, 0, 0, 1]],
  ["FP32", "[]", []],
];

test.each(taken)("reads %s from %s", (dtype, row, values) => {
  expect(readRow(dtype, row, values.length)).toEqual(values);
});

const refused: [NumericDtype, string, string][] = [
  ["FP32", '[1,2,3,"4"]', 'INVALID_INPUT data[3]: expected a number (FP32), got the string "4"'],
  ["FP32", "[null]", "INVALID_INPUT data[0]: expected a number (FP32), got null"],
  ["FP32", "[1,[2]]", "INVALID_INPUT data[1]: expected a number (FP32), got an array"],
  ["FP32", "[{}]", "INVALID_INPUT data[0]: expected a number (FP32), got an object"],
  ["FP32", "[true]", "INVALID_INPUT data[0]: expected a number (FP32), got true"],
  [
    "FP32",
    "[3.4028236e38]",
    "data[0]: expected a number (FP32) within its range, got 3.4028236e38",
  ],
  ["FP32", "[-1e39]", "expected a number (FP32) within its range, got -1e39"],
  ["FP64", "[1e400]", "expected a number (FP64) within its range, got 1e400"],
  ["FP32", "[NaN]", "INVALID_REQUEST invalid JSON at byte 1: expected a number (FP32), got NaN"],
  ["FP32", "[-Infinity]", "INVALID_REQUEST invalid JSON at byte 2: expected a digit, got Infinity"],
  ["FP32", "[01]", "leading zeros"],
  ["INT8", "[128]", "data[0]: expected a whole number from -128 to 127 (INT8), got 128"],
  ["INT8", "[-129]", "got -129"],
  ["UINT8", "[-1]", "expected a whole number from 0 to 255 (UINT8), got -1"],
  ["UINT8", "[256]", "got 256"],
  ["INT16", "[32768]", "got 32768"],
  ["UINT16", "[65536]", "got 65536"],
  ["INT32", "[2147483648]", "got 2147483648"],
  ["UINT32", "[4294967296]", "got 4294967296"],
  ["INT32", "[1.5]", "INVALID_INPUT data[0]: expected a whole number"],
  ["INT32", "[1e-1]", "got 1e-1"],
  ["INT32", "[0.99999999999999999999]", "expected a whole number"],
  ["INT32", "[1e-400]", "expected a whole number"],
  ["INT64", "[9223372036854775808]", "got 9223372036854775808"],
  ["INT64", "[-9223372036854775809]", "got -9223372036854775809"],
  ["INT64", "[1e999999999999999999]", "got 1e999999999999999999"],
  ["UINT64", "[18446744073709551616]", "got 18446744073709551616"],
  ["UINT64", "[-1]", "expected a whole number from 0 to 18446744073709551615 (UINT64), got -1"],
  ["INT64", '["7"]', 'got the string "7"'],
  ["BOOL", "[2]", "expected true, false, 0 or 1, got 2"],
  ["BOOL", "[-1]", "got -1"],
  ["BOOL", "[1.0]", "got 1.0"],
  ["BOOL", "[null]", "got null"],
  ["BOOL", "[tru]", "expected true or false, got tru"],
];

test.each(refused)("refuses for %s the row %s", (dtype, row, part) => {
  expect(refusal(() => readRow(dtype, row, longRow))).toContain(part);
});

// Longer than any row above, so that the fault is the value and not the number of values.
const longRow = 9;

test("refuses a row of another length, an extra value before reading it", () => {
  expect(refusal(() => readRow("FP32", "[1,2,3]", 4))).toBe(
    "INVALID_INPUT data: expected 4 values, got 3",
  );
  expect(refusal(() => readRow("FP32", "[1,2,3,oops]", 3))).toBe(
    "INVALID_INPUT data: expected 3 values, got more",
  );
  expect(refusal(() => readRow("FP32", '"x"', 3))).toBe(
    'INVALID_INPUT data: expected an array of 3 numbers, got the string "x"',
  );
});

test("names the place in the caller's own nesting", () => {
  const sink = sinkOf("FP32");
  const reader = new JsonReader(Buffer.from('[null]"x"'), 4);
  sink.place.push(7);
  expect(refusal(() => sink.readRow(reader, 1))).toContain("data[7][0]: expected");
  const index = sink.reserve(reader, 1);
  reader.at = 6;
  expect(refusal(() => sink.readAt(reader, index, "age"))).toContain("data[7].age: expected");
});

test("grows over rows, and refuses the element past elementsMax", () => {
  const rows = (count: number) => `[${"[1,2],".repeat(count).slice(0, -1)}]`;
  const readAll = (text: string, countMax: number) => {
    const sink = sinkOf("FP32", 0, countMax);
    const reader = new JsonReader(Buffer.from(text), 4);
    reader.enterArray();
    while (reader.nextElement()) sink.readRow(reader, 2);
    return sink.take();
  };
  expect(readAll(rows(500), 1_000)).toHaveLength(1_000);
  expect(refusal(() => readAll(rows(501), 1_000))).toBe(
    "LIMIT_EXCEEDED data: more than elementsMax (1000 values)",
  );
});

test("refuses FP16 and BF16 before reading", () => {
  for (const dtype of ["FP16", "BF16"] as const) {
    expect(refusal(() => sinkOf(dtype))).toBe(`INVALID_INPUT data: ${dtype} cannot travel in JSON`);
  }
});
