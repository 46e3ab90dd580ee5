// Goal: a value is refused exactly when it breaks a declared rule, in every dtype. Method: bounds
// at both sides by hand, the 16-bit floats exhaustively against Float16 arithmetic of their own,
// then random rules and values against a slow twin.
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, ServingError } from "../../base/index.ts";
import {
  ByteStrings,
  bfloat16ToNumber,
  type Dtype,
  float16ToNumber,
  type NumericArray,
} from "../../tensor/index.ts";
import type { ColumnSpec } from "../column-spec.ts";
import type { InputSpec } from "../signature.ts";
import { rowNaming } from "./field-naming.ts";
import { formInputs } from "./form-inputs.ts";
import { prepareInputChecks } from "./input-checks.ts";

function input(dtype: Dtype, shape: readonly number[], more: Partial<InputSpec> = {}): InputSpec {
  return {
    name: "x",
    dtype,
    shape,
    dimNames: shape.map(() => undefined),
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

function column(name: string, more: Partial<ColumnSpec> = {}): ColumnSpec {
  return { name, dtype: "FP32", min: undefined, max: undefined, default: undefined, ...more };
}

function verdict(spec: InputSpec, elements: NumericArray | ByteStrings): string {
  const checks = prepareInputChecks(
    { inputs: [spec], outputs: [], layout: { kind: "dynamic" } },
    defaultLimits,
  );
  const width = spec.shape.slice(1).reduce((product, size) => product * size, 1);
  const shape = [elements.length / width, ...spec.shape.slice(1)];
  try {
    formInputs(checks, [{ name: "x", dtype: spec.dtype, shape, elements }]);
    return "let in";
  } catch (thrown) {
    if (ServingError.is(thrown)) return thrown.message;
    throw thrown;
  }
}

const person = input("FP32", [-1, 3], {
  columns: [
    column("age", { min: 0, max: 120 }),
    column("free"),
    column("visits", { dtype: "INT32", min: 0 }),
  ],
});

test("lets values on their bounds in and refuses those beyond", () => {
  expect(verdict(person, Float32Array.of(0, -1e30, 0, 120, 5, 7))).toBe("let in");
  expect(verdict(person, Float32Array.of(0, 0, 0, 121, 0, 0))).toBe(
    "inputs[0] 'x' item 1 column 'age': 121 is out of range, expected a number from 0 to 120",
  );
  expect(verdict(person, Float32Array.of(-0.5, 0, 0))).toContain("'age': -0.5 is out of range");
});

test("refuses a fraction in a whole column, and what no INT32 holds", () => {
  expect(verdict(person, Float32Array.of(1, 2.5, 1.5))).toBe(
    "inputs[0] 'x' item 0 column 'visits': 1.5 is out of range, " +
      "expected a whole number from 0 to 2147483648",
  );
  expect(verdict(person, Float32Array.of(1, 2.5, 3e9))).toContain("'visits': 3000000000");
});

test("NaN keeps no bound, but passes where no rule stands", () => {
  expect(verdict(person, Float32Array.of(1, Number.NaN, 1))).toBe("let in");
  expect(verdict(person, Float32Array.of(Number.NaN, 1, 1))).toContain("'age': NaN");
  const atLeast = input("FP64", [-1], { min: 0 });
  expect(verdict(atLeast, Float64Array.of(Number.POSITIVE_INFINITY))).toBe("let in");
  expect(verdict(atLeast, Float64Array.of(Number.NaN))).toBe(
    "inputs[0] 'x' item 0: NaN is out of range, expected a number of at least 0",
  );
});

test("a bound of 0.1 lets the float32 of 0.1 in", () => {
  const spec = input("FP32", [-1, 1], { min: 0.1, max: 0.1 });
  expect(verdict(spec, Float32Array.of(0.1))).toBe("let in");
  expect(verdict(spec, Float32Array.of(0.11))).toContain("expected a number from 0.1 to 0.1");
});

test("compares 64-bit integers exactly", () => {
  const spec = input("INT64", [-1], { max: 2 ** 53 });
  expect(verdict(spec, BigInt64Array.of(2n ** 53n))).toBe("let in");
  expect(verdict(spec, BigInt64Array.of(2n ** 53n + 1n))).toContain("9007199254740993 is out");
});

test("reads the 16-bit floats behind their patterns", () => {
  const half = input("FP16", [-1], { max: 1 });
  expect(verdict(half, Uint16Array.of(0x3c00))).toBe("let in");
  expect(verdict(half, Uint16Array.of(0x3c01))).toContain("1.0009765625 is out of range");
  const brain = input("BF16", [-1], { min: -1 });
  expect(verdict(brain, Uint16Array.of(0xbf80))).toBe("let in");
  expect(verdict(brain, Uint16Array.of(0xbf81))).toContain("-1.0078125 is out of range");
});

test("decodes every 16-bit pattern to a number of its own", () => {
  for (const decode of [float16ToNumber, bfloat16ToNumber]) {
    const inOrder = (from: number, to: number) => {
      for (let bits = from + 1; bits <= to; bits += 1) {
        if (!(decode(bits) > decode(bits - 1))) throw new Error(`pattern ${bits} is out of order`);
      }
    };
    inOrder(0, decode === float16ToNumber ? 0x7c00 : 0x7f80);
    expect(decode(0x8000)).toBe(-0);
  }
  expect(float16ToNumber(0x7bff)).toBe(65_504);
  expect(float16ToNumber(1)).toBe(2 ** -24);
  expect(float16ToNumber(0x7c01)).toBeNaN();
  expect(float16ToNumber(0xfc00)).toBe(-Infinity);
  expect(bfloat16ToNumber(0x4049)).toBe(3.140625);
});

test("counts characters, not bytes, and refuses bytes that are no text", () => {
  const spec = input("BYTES", [-1, 1], { lengthMin: 1, lengthMax: 3 });
  expect(verdict(spec, ByteStrings.fromText(["a", "żł한", "🙂🙂🙂"]))).toBe("let in");
  expect(verdict(spec, ByteStrings.fromText(["a", ""]))).toBe(
    "inputs[0] 'x' item 1: text of 0 characters, expected 1 to 3",
  );
  expect(verdict(spec, ByteStrings.fromText(["żł한🙂"]))).toContain("text of 4 characters");
  expect(verdict(spec, ByteStrings.fromBytes([Uint8Array.of(0xff)]))).toContain("not UTF-8");
  const free = input("BYTES", [-1, 1]);
  expect(verdict(free, ByteStrings.fromBytes([Uint8Array.of(0xff)]))).toBe("let in");
});

test("spells places as rows for the simple dialect", () => {
  const spell = (prefix: string, isOneRow: boolean, index: number) =>
    rowNaming(prefix, isOneRow).element(person, 0, { index, itemElements: 3 });
  expect(spell("instances", false, 7)).toBe("instances[2].free");
  expect(spell("features", true, 0)).toBe("features.age");
  expect(spell("", true, 2)).toBe("visits");
  const plain = { ...person, columns: undefined };
  const naming = rowNaming("input_data", false);
  expect(naming.element(plain, 0, { index: 4, itemElements: 3 })).toBe("input_data[1][1]");
});

test("agrees with the slow twin on random rules and values", () => {
  const bound = fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined });
  const value = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom(0.5, Number.NaN, -0));
  const columns = fc.array(
    fc.record({ min: bound, max: bound, dtype: fc.constantFrom("FP32" as const, "INT8" as const) }),
    { minLength: 1, maxLength: 3 },
  );
  const shape = fc.record({ columns, min: bound, max: bound, values: fc.array(value) });
  fc.assert(
    fc.property(shape, ({ columns, min, max, values }) => {
      const width = columns.length;
      const named = columns.map((each, index) => column(`c${index}`, each));
      const spec = input("FP32", [-1, width], { columns: named, min, max });
      const rows = Float32Array.from(values.slice(0, values.length - (values.length % width)));
      const isRight = rows.every((each, index) => {
        const own = named[index % width];
        const bounds = [min, own?.min].filter((low) => low !== undefined);
        const tops = [max, own?.max].filter((top) => top !== undefined);
        const isRuled = bounds.length + tops.length > 0 || own?.dtype === "INT8";
        if (Number.isNaN(each)) return !isRuled;
        if (own?.dtype === "INT8" && !Number.isInteger(each)) return false;
        return bounds.every((low) => each >= low) && tops.every((top) => each <= top);
      });
      expect(verdict(spec, rows) === "let in").toBe(isRight);
    }),
    { numRuns: 2_000 },
  );
});
