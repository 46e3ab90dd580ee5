// Goal: every form of the dialect is read into the tensor it means, and every wrong body is
// refused with the field, what came, what was expected and the limit. Method: bodies by hand
// against the plans of a table, a text and a mixed model; messages as snapshots.
import { expect, test } from "vitest";
import type { ColumnSpec, InputSpec, Signature } from "../../../model/index.ts";
import { makeSimplePlan } from "../../../service/index.ts";
import { type DecodeRules, decodeSimple } from "./decode.ts";
import { readNames } from "./names.ts";

function column(name: string, more: Partial<ColumnSpec> = {}): ColumnSpec {
  return { name, dtype: "FP32", min: undefined, max: undefined, default: undefined, ...more };
}

function input(name: string, more: Partial<InputSpec> = {}): InputSpec {
  return {
    name,
    dtype: "FP32",
    shape: [-1, 4],
    dimNames: [undefined, undefined],
    isOptional: false,
    columns: undefined,
    min: undefined,
    max: undefined,
    lengthMin: undefined,
    lengthMax: undefined,
    steps: [],
    ...more,
  };
}

function signature(...inputs: InputSpec[]): Signature {
  const label = { name: "label", dtype: "INT64", shape: [-1], dimNames: [undefined] } as const;
  return {
    inputs,
    outputs: [{ ...label, role: "prediction", labels: undefined }],
    layout: { kind: "dynamic" },
  };
}

const columns = [
  column("age"),
  column("tenure", { dtype: "INT32" }),
  column("monthly_charges"),
  column("total_charges", { default: 0 }),
];
const churn = makeSimplePlan(signature(input("features", { columns })));
const bare = makeSimplePlan(signature(input("x")));
const text = makeSimplePlan(signature(input("text", { dtype: "BYTES", shape: [-1] })));
const mixed = makeSimplePlan(
  signature(
    input("sex", { dtype: "BYTES", shape: [-1, 1] }),
    input("age", { shape: [-1, 1] }),
    input("class", { dtype: "INT64", shape: [-1, 1] }),
  ),
);
const image = makeSimplePlan(signature(input("pixels", { shape: [-1, 2, 3] })));

const rules: DecodeRules = {
  isTolerant: false,
  limits: {
    jsonDepthMax: 32,
    requestItemsMax: 4,
    elementsMax: 1_000,
    stringElementBytesMax: 16,
  },
};

function decode(body: unknown, plan = churn, more: Partial<DecodeRules> = {}) {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return decodeSimple(bytes, plan, { ...rules, ...more });
}

function values(body: unknown, plan = churn): unknown[] {
  return decode(body, plan).tensors.map((tensor) =>
    tensor?.dtype === "BYTES" ? tensor.elements.toTexts() : [...(tensor?.elements ?? [])],
  );
}

test("reads a row as a list, as an object in any order, and as bare fields", () => {
  const row = [[35, 24, 70.5, 1680]];
  const fields = { total_charges: 1680, age: 35, monthly_charges: 70.5, tenure: 24 };
  expect(values({ features: row[0] })).toEqual(row);
  expect(values({ features: fields })).toEqual(row);
  expect(values(fields)).toEqual(row);
  expect(decode({ features: row[0] }).form).toBe("array");
  expect(decode({ features: fields }).form).toBe("object");
  expect(decode(fields).form).toBe("fields");
});

test("fills in a default, also for null", () => {
  expect(values({ age: 1, tenure: 2, monthly_charges: 3 })).toEqual([[1, 2, 3, 0]]);
  expect(values({ age: 1, tenure: 2, total_charges: null, monthly_charges: 3 })).toEqual([
    [1, 2, 3, 0],
  ]);
});

test("reads rows of lists and objects into one tensor", () => {
  const body = { instances: [[1, 2, 3, 4], { age: 5, tenure: 6, monthly_charges: 7 }] };
  const decoded = decode(body);
  expect(decoded).toMatchObject({ form: "instances", items: 2 });
  expect(decoded.tensors[0]?.shape).toEqual([2, 4]);
  expect(values(body)).toEqual([[1, 2, 3, 4, 5, 6, 7, 0]]);
});

test("reads a model call with its names, wherever they stand", () => {
  const decoded = decode({ batch_id: "b1", input_data: [[1, 2, 3, 4]], model_name: "churn" });
  expect(decoded).toMatchObject({ form: "call", batchId: "b1", modelName: "churn", items: 1 });
});

test("reads texts, and keeps those of a stream for its lines", () => {
  expect(values({ text: "Grüß \\u00df" }, text)).toEqual([["Grüß \\u00df"]]);
  const decoded = decode({ texts: ["a", "b"] }, text);
  expect(decoded).toMatchObject({ items: 2, texts: ["a", "b"] });
});

test("reads strings, floats and integers of one row into a tensor each", () => {
  const row = { sex: "male", age: 22.5, class: 9007199254740993n };
  const body = JSON.stringify(row, (_key, value) => (typeof value === "bigint" ? 0 : value));
  const exact = body.replace('"class":0', '"class":9007199254740993');
  expect(values(exact, mixed)).toEqual([["male"], [22.5], [9007199254740993n]]);
  expect(values({ features: ["male", 22.5, 3] }, mixed)).toEqual([["male"], [22.5], [3n]]);
  expect(values({ instances: [["f", 1, 2], { class: 4, age: 3, sex: "m" }] }, mixed)).toEqual([
    ["f", "m"],
    [1, 3],
    [2n, 4n],
  ]);
});

test("reads nested rows of a tensor that is no table", () => {
  const row = [
    [1, 2, 3],
    [4, 5, 6],
  ];
  expect(decode({ instances: [row, row] }, image).tensors[0]?.shape).toEqual([2, 2, 3]);
  expect(values({ features: row }, image)).toEqual([[1, 2, 3, 4, 5, 6]]);
});

test("notes faulty rows and goes on with their neighbours when it may", () => {
  const body = {
    instances: [
      [1, 2, 3, 4],
      [1, 2],
      [1, "x", 3, 4],
      [5, 6, 7, 8],
    ],
  };
  const decoded = decode(body, bare, { isTolerant: true });
  expect(decoded.items).toBe(2);
  expect(decoded.indexes).toEqual([0, 3]);
  expect(decoded.tensors[0]?.elements).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  expect(decoded.faults.map((fault) => [fault.index, fault.error.code])).toEqual([
    [1, "INVALID_INPUT"],
    [2, "INVALID_INPUT"],
  ]);
});

function refusal(body: unknown, plan = churn): string {
  try {
    decode(body, plan);
  } catch (thrown) {
    const { code, message, field } = thrown as { code: string; message: string; field?: string };
    return `${code} [${field ?? ""}] ${message}`;
  }
  return "let in";
}

test("says what is wrong, where, and what was expected", () => {
  const wrong: Record<string, string> = {
    "broken JSON": refusal('{"features":[1,2,3,'),
    "not an object": refusal("[1,2]"),
    "no form": refusal({ rows: [[1]] }),
    "three values": refusal({ features: [1, 2, 3] }),
    "five values": refusal({ features: [1, 2, 3, 4, 5] }),
    "a string": refusal({ features: [1, "2", 3, 4] }),
    null: refusal({ features: [1, null, 3, 4] }),
    NaN: refusal('{"features":[1,NaN,3,4]}'),
    "too large a number": refusal('{"features":[1,1e39,3,4]}'),
    "missing field": refusal({ age: 1, tenure: 2 }),
    "unknown field": refusal({ age: 1, tenur: 2, tenure: 2, monthly_charges: 3 }),
    "misspelt field": refusal({ age: 45, tenur: 12, monthly_charges: 3 }),
    "misspelt first field": refusal({ agee: 45, tenure: 12, monthly_charges: 3 }),
    "unknown in features": refusal({ features: { age: 1, tenure: 2, monthly_charge: 3 } }),
    "field twice": refusal('{"age":1,"age":2}'),
    "row is a number": refusal({ instances: [1] }),
    "rows are no list": refusal({ instances: { age: 1 } }),
    "too many rows": refusal({ instances: Array(5).fill([1, 2, 3, 4]) }),
    "row in rows": refusal({
      instances: [
        [1, 2, 3, 4],
        [1, 2, 3],
      ],
    }),
    "a text for a table": refusal({ features: "35" }),
    "a number for a text": refusal({ text: 3 }, text),
    "a long text": refusal({ text: "seventeen letters" }, text),
    "ragged rows": refusal(
      {
        features: [
          [1, 2, 3],
          [4, 5],
        ],
      },
      image,
    ),
    "flat row": refusal({ features: [1, 2, 3, 4, 5, 6] }, image),
    "a fraction": refusal({ sex: "m", age: 1, class: 1.5 }, mixed),
    "model name": refusal({ model_name: 7, features: [1, 2, 3, 4] }),
    "deep nesting": refusal(`{"x":${"[".repeat(40)}${"]".repeat(40)}}`),
    "trailing text": refusal('{"features":[1,2,3,4]}x'),
  };
  expect(wrong).toMatchSnapshot();
});

test("never lets a key of the caller become a property of ours", () => {
  expect(refusal('{"__proto__":{"x":1},"features":[1,2,3,4]}')).toBe("let in");
  expect(refusal('{"age":1,"tenure":2,"monthly_charges":3,"__proto__":4}')).toContain(
    "unknown field '__proto__'",
  );
  expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
});

test("refuses a second form, which would not be answered", () => {
  const row = [1, 2, 3, 4];
  const twice = '{"features":[1,2,3,4],"features":[5,6,7,8]}';
  expect(refusal(twice)).toBe("INVALID_REQUEST [features] 'features': given twice, expected once");
  expect(refusal({ instances: [row], features: row })).toBe(
    "INVALID_REQUEST [features] 'features': not beside 'instances', expected one of the two",
  );
  expect(refusal({ age: 1, tenure: 2, monthly_charges: 3, input_data: [row] })).toBe(
    "INVALID_REQUEST [input_data] 'input_data': not beside the fields of the model, " +
      "expected one of the two",
  );
  expect(refusal({ text: "a", texts: ["b"] }, text)).toMatch(/^INVALID_REQUEST \[texts\]/);
  expect(refusal({ instances: [row], text: "a note of the caller" })).toBe("let in");
});

test("says that a body is empty", () => {
  for (const body of ["", " \r\n"]) {
    expect(refusal(body, bare)).toBe(
      "INVALID_REQUEST [] the body is empty, expected a JSON object with " +
        "'features', 'instances' or 'input_data'",
    );
    const names = (): unknown => readNames(Buffer.from(body), 32);
    expect(names).toThrow("the body is empty, expected a JSON object with 'model_name'");
  }
});
