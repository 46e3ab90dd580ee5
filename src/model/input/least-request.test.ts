// Goal: a model that no request could fit is refused before anything is made from its shapes.
// Method: signatures at limit - 1, limit and limit + 1, and dimensions whose product overflows.
import { expect, test } from "vitest";
import type { Dtype } from "../../tensor/index.ts";
import type { InputSpec, Signature } from "../signature.ts";
import { checkSendable } from "./least-request.ts";

const limits = { elementsMax: 100, binaryBodyBytesMax: 500 };

function input(dtype: Dtype, shape: readonly number[], isOptional = false): InputSpec {
  return { name: "x", dtype, shape, isOptional } as InputSpec;
}

function refusal(...inputs: readonly InputSpec[]): string {
  try {
    checkSendable({ inputs } as Partial<Signature> as Signature, limits);
    return "none";
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

test("a tensor may have as many elements as the limit", () => {
  const said = [99, 100, 101].map((size) => refusal(input("UINT8", [-1, size])));
  expect(said.slice(0, 2)).toEqual(["none", "none"]);
  expect(said[2]).toContain("input 'x' has at least 101 elements, and a tensor may have 100");
});

test("the bytes of all inputs may be as many as the limit", () => {
  const rest = input("UINT8", [99]);
  const said = [99, 100].map((size) => refusal(input("FP32", [size]), rest));
  expect(refusal(input("FP32", [100]), input("UINT8", [100]))).toBe("none");
  expect(said).toEqual(["none", "none"]);
  const over = refusal(input("FP32", [100]), input("UINT8", [100]), input("UINT8", [1]));
  expect(over).toContain("the smallest request has 501 bytes, and a body may have 500");
  expect(refusal(input("BYTES", [100]), input("BYTES", [26]))).toContain("has 504 bytes");
});

test("sizes that overflow, empty dimensions and optional inputs are counted right", () => {
  const huge = 2 ** 31;
  const overflowing = input("FP32", new Array<number>(40).fill(huge));
  expect(refusal(overflowing)).toContain("elements, and a tensor may have 100 (elementsMax)");
  expect(refusal(input("FP32", [0, ...new Array<number>(40).fill(huge)]))).toBe("none");
  expect(refusal(input("FP32", [huge], true))).toBe("none");
});
