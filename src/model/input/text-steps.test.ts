// Goal: declared steps give the same text everywhere. Method: each step by hand, then random text
// against the regular expressions that say the same.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteStrings, type BytesTensor } from "../../tensor/index.ts";
import type { TextStep } from "../column-spec.ts";
import { applyTextSteps } from "./text-steps.ts";

function run(steps: readonly TextStep[], texts: readonly string[]): unknown {
  const elements = ByteStrings.fromText(texts);
  const tensor: BytesTensor = { dtype: "BYTES", shape: [texts.length, 1], elements };
  return applyTextSteps(steps, tensor).elements.toTexts();
}

test("does the steps in order", () => {
  const texts = ["  Great\t\n FILM ", "", "ŻÓŁW\u3000 한"];
  const steps: TextStep[] = ["trim", "lowercase", "collapse-space"];
  expect(run(steps, texts)).toEqual(["great film", "", "żółw 한"]);
  expect(run(["collapse-space"], texts)).toEqual([" Great FILM ", "", "ŻÓŁW 한"]);
});

test("hands the same tensor back when there is nothing to do", () => {
  const elements = ByteStrings.fromText(["A"]);
  const tensor: BytesTensor = { dtype: "BYTES", shape: [1], elements };
  expect(applyTextSteps([], tensor)).toBe(tensor);
});

test("refuses bytes that are no text", () => {
  const elements = ByteStrings.fromBytes([Uint8Array.of(65), Uint8Array.of(0xc3)]);
  const tensor: BytesTensor = { dtype: "BYTES", shape: [2], elements };
  expect(() => applyTextSteps(["trim"], tensor)).toThrow("element 1: the bytes are not UTF-8");
});

test("collapses what a regular expression calls white space", () => {
  const unit = fc.constantFrom(
    "a",
    " ",
    "\t",
    "\u00a0",
    "\u2003",
    "\ufeff",
    "\u200b",
    "é",
    "\u1680",
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
      expect(run(["collapse-space"], [text])).toEqual([text.replace(/\s+/g, " ")]);
      expect(run(["trim"], [text])).toEqual([text.replace(/^\s+|\s+$/g, "")]);
    }),
  );
});
