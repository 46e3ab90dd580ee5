// Goal: a declaration says what each kind of model takes and gives.
// Method: shapes of every kind, and the text that is written for them.
import { expect, test } from "vitest";
import { writeDeclaration } from "./declaration.ts";
import type { InputShape, ModelShape, OutputShape } from "./model-shape.ts";

const input: InputShape = {
  name: "x",
  datatype: "FP32",
  shape: [-1, 2],
  isOptional: false,
  columns: undefined,
};
const output: OutputShape = {
  name: "y",
  datatype: "FP32",
  shape: [-1, 1],
  role: "prediction",
  labels: undefined,
};
const scores: OutputShape = { ...output, name: "p", role: "probability", shape: [-1, 2] };

function entry(change: Partial<ModelShape>): string {
  const model = { name: "m", version: "1", isBatchable: true, inputs: [input], outputs: [output] };
  return writeDeclaration([{ ...model, ...change }]);
}

test("a plain list of numbers", () => {
  expect(entry({})).toBe(`// Written by \`millrace types\`: write it again when the models change.
import type { NumericArray } from "@millrace/client";

declare module "@millrace/client" {
  interface MillraceModels {
    /** Version 1. */
    m: {
      row:
        | readonly number[]
        | NumericArray;
      prediction: number;
      inputs: { x: "FP32" };
      outputs: { y: "FP32" };
    };
  }
}
`);
});

test("named columns with rules, a default and a name that is no identifier", () => {
  const rule = { datatype: "FP32", min: undefined, max: undefined, hasDefault: false };
  const columns = [
    { ...rule, name: "age", min: 0, max: 120 },
    { ...rule, name: "last-visit", datatype: "INT64", hasDefault: true },
  ];
  const text = entry({ name: "my.model", inputs: [{ ...input, columns }] });
  expect(text).toContain('    "my.model": {');
  expect(text).toContain("            /** 0 to 120 */ age: number;");
  expect(text).toContain('            "last-visit"?: number | bigint;');
});

test("a text, several inputs, and a tensor of any other shape", () => {
  const text = { ...input, datatype: "BYTES", shape: [-1, 1] };
  expect(entry({ inputs: [text] })).toContain("      row: string;");
  const several = entry({ inputs: [text, { ...input, name: "z", isOptional: true }] });
  expect(several).toContain("x: string;\n            z?: FeatureValue;");
  expect(several).toContain("| readonly FeatureValue[];");
  expect(entry({ inputs: [{ ...input, shape: [-1, 3, 4] }] })).toContain(
    "row: readonly FeatureValue[];",
  );
  expect(entry({ isBatchable: false, inputs: [{ ...input, shape: [-1] }] })).toContain(
    "NumericArray",
  );
});

test.each([
  [
    "whole-number labels",
    [
      { ...output, datatype: "INT64" },
      { ...scores, labels: ["0", "1"] },
    ],
    "0 | 1",
  ],
  [
    "texts as labels",
    [
      { ...output, datatype: "BYTES" },
      { ...scores, labels: ["no", 'say "yes"'] },
    ],
    '"no" | "say \\"yes\\""',
  ],
  ["labels without an output for them", [{ ...scores, labels: ["a", "b"] }], '"a" | "b"'],
  ["scores alone", [scores], "number"],
  ["int64 without labels", [{ ...output, datatype: "INT64" }], "number | bigint"],
  ["a longer answer", [{ ...output, shape: [-1, 3] }], "readonly number[]"],
  ["an answer of any length", [{ ...output, shape: [-1, -1] }], "number | readonly number[]"],
  [
    "more labels than a union is good for",
    [
      { ...output, datatype: "BYTES" },
      { ...scores, labels: Array(65).fill("a") },
    ],
    "string",
  ],
])("the prediction of %s", (_, outputs, wanted) => {
  expect(entry({ outputs })).toContain(`prediction: ${wanted};`);
});
