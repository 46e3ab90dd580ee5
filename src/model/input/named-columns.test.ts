// Goal: a row of named fields lands in tensor order, and a field that is missing, unknown or of the
// wrong kind is refused by its own name. Method: each case by hand, then random rows both ways.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { type Dtype, newNumericArray } from "../../tensor/index.ts";
import type { ColumnSpec } from "../column-spec.ts";
import type { InputSpec } from "../signature.ts";
import { type GivenRow, prepareColumns, writeNamedRow } from "./named-columns.ts";

function column(name: string, dtype: Dtype = "FP32", more: Partial<ColumnSpec> = {}): ColumnSpec {
  return { name, dtype, min: undefined, max: undefined, default: undefined, ...more };
}

function planOf(dtype: Dtype, columns: readonly ColumnSpec[] | undefined) {
  const spec: InputSpec = {
    name: "features",
    dtype,
    shape: [-1, columns?.length ?? 1],
    dimNames: [undefined, undefined],
    isOptional: false,
    columns,
    min: undefined,
    max: undefined,
    lengthMin: undefined,
    lengthMax: undefined,
    steps: [],
  };
  return prepareColumns(spec);
}

const churn = [
  column("age"),
  column("tenure", "INT32"),
  column("is_new", "BOOL"),
  column("total_charges", "FP32", { default: 7 }),
];

function write(row: GivenRow, columns: readonly ColumnSpec[] = churn, dtype: Dtype = "FP32") {
  const plan = planOf(dtype, columns);
  if (plan === undefined || dtype === "BYTES") throw new Error("the input names no columns");
  const elements = newNumericArray(dtype, columns.length);
  try {
    writeNamedRow(plan, row, { elements, offset: 0, path: "features" });
    return [...elements];
  } catch (thrown) {
    if (ServingError.is(thrown)) return thrown.message;
    throw thrown;
  }
}

test("puts fields into tensor order and fills in defaults", () => {
  const row = { total_charges: 4.5, is_new: true, tenure: 24, age: 35.5 };
  expect(write(row)).toEqual([35.5, 24, 1, 4.5]);
  expect(write({ age: 1, tenure: 2, is_new: false })).toEqual([1, 2, 0, 7]);
  expect(write({ age: 1, tenure: 2, is_new: 0, total_charges: null })).toEqual([1, 2, 0, 7]);
});

test.each<[string, GivenRow]>([
  ["a missing field", { age: 1, is_new: true }],
  ["null without a default", { age: null, tenure: 1, is_new: true }],
  ["a misspelt field", { agee: 1, tenure: 2, is_new: true }],
  ["an unknown field", { age: 1, tenure: 2, is_new: true, total_charge: 3 }],
  ["a string", { age: "35\n", tenure: 2, is_new: true }],
  ["a list", { age: [35], tenure: 2, is_new: true }],
  ["a fraction for an integer", { age: 1, tenure: 2.5, is_new: true }],
  ["an integer out of range", { age: 1, tenure: 2 ** 31, is_new: true }],
  ["a boolean for a number", { age: true, tenure: 1, is_new: true }],
  ["a number that float32 cannot hold", { age: 1e39, tenure: 1, is_new: true }],
  ["no number", { age: Number.NaN, tenure: 1, is_new: true }],
  ["a two for a boolean", { age: 1, tenure: 1, is_new: 2 }],
])("refuses %s", (_name, row) => {
  expect(write(row)).toMatchSnapshot();
});

test("keys of the prototype are unknown or missing like any other", () => {
  const hostile = JSON.parse('{"__proto__": 1, "age": 1, "tenure": 1, "is_new": true}') as GivenRow;
  expect(write(hostile)).toContain("unknown field '__proto__'");
  const columns = [column("constructor"), column("toString")];
  expect(write({}, columns)).toContain("features.constructor: missing");
  expect(write(JSON.parse('{"toString": 2, "constructor": 1}'), columns)).toEqual([1, 2]);
});

test("64-bit integers stay exact", () => {
  const columns = [column("id", "INT64"), column("count", "UINT64")];
  const big = { id: -(2n ** 63n), count: 2n ** 64n - 1n };
  expect(write(big, columns.slice(0, 1), "INT64")).toContain("unknown field 'count'");
  expect(write({ id: big.id }, columns.slice(0, 1), "INT64")).toEqual([big.id]);
  expect(write({ count: big.count }, columns.slice(1), "UINT64")).toEqual([big.count]);
  expect(write({ id: 2n ** 63n }, columns.slice(0, 1), "INT64")).toContain("expected a whole");
  expect(write({ id: 2 ** 53 }, columns.slice(0, 1), "INT64")).toContain("expected a whole");
  expect(write({ count: -1 }, columns.slice(1), "UINT64")).toContain("expected a whole");
});

test("has no plan where JSON cannot carry the columns", () => {
  expect(planOf("FP16", churn)).toBeUndefined();
  expect(planOf("BYTES", churn)).toBeUndefined();
  expect(planOf("FP32", undefined)).toBeUndefined();
});

test("any order of the same fields gives the same row", () => {
  const names = ["a", "b", "c", "d", "e"];
  const columns = names.map((name) => column(name, "FP64"));
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  const values = fc.array(number, { minLength: 5, maxLength: 5 });
  const order = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 });
  fc.assert(
    fc.property(values, order, (row, places) => {
      const given = Object.fromEntries(places.map((place) => [names[place], row[place]]));
      expect(write(given, columns, "FP64")).toEqual(row);
    }),
  );
});
