// Goal: every door refuses the same wrong tensors with a message that names field, got, expected
// and limit, and lets every right one through unchanged. Method: each fault by hand, limits at both
// sides, then random requests against a slow twin that writes the rules down one by one.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { ByteStrings, newNumericArray } from "../../tensor/index.ts";
import type { BatchLayout, InputSpec, OutputSpec, Signature } from "../signature.ts";
import { emptyOutputs } from "./empty-outputs.ts";
import { rowNaming } from "./field-naming.ts";
import { formInputs, formSingle, type GivenTensor } from "./form-inputs.ts";
import { type InputLimits, prepareInputChecks } from "./input-checks.ts";
import { wantedOutputs } from "./wanted-outputs.ts";

const limits: InputLimits = {
  inputsMax: 3,
  outputsMax: 2,
  rankMax: 4,
  elementsMax: 100,
  requestItemsMax: 10,
  stringElementBytesMax: 8,
};

function input(name: string, shape: readonly number[], more: Partial<InputSpec> = {}): InputSpec {
  return {
    name,
    dtype: "FP32",
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

function output(name: string, shape: readonly number[]): OutputSpec {
  const dimNames = shape.map(() => undefined);
  return { name, dtype: "FP32", shape, dimNames, role: "other", labels: undefined };
}

const dynamic: BatchLayout = { kind: "dynamic" };
const alone: BatchLayout = { kind: "none", reason: "a test" };

function checksOf(inputs: readonly InputSpec[], layout: BatchLayout = dynamic) {
  return prepareInputChecks({ inputs, outputs: [], layout }, limits);
}

function floats(name: string, shape: readonly number[], count?: number): GivenTensor {
  const size = count ?? shape.reduce((product, each) => product * each, 1);
  return { name, dtype: "FP32", shape, elements: new Float32Array(size) };
}

function texts(name: string, list: readonly string[]): GivenTensor {
  return { name, dtype: "BYTES", shape: [list.length, 1], elements: ByteStrings.fromText(list) };
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (ServingError.is(thrown)) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
  return "let in";
}

const four = checksOf([input("features", [-1, 4])]);
const pair = checksOf([input("a", [-1, 2]), input("b", [-1], { isOptional: true })]);

test("puts tensors into signature order without copying them", () => {
  const [b, a] = [floats("b", [3]), floats("a", [3, 2])];
  const formed = formInputs(pair, [b, a]);
  expect(formed.items).toBe(3);
  expect(formed.inputs.map((each) => each?.elements)).toEqual([a.elements, b.elements]);
  expect(formed.inputs[0]?.elements).toBe(a.elements);
});

test("leaves the place of an optional input empty", () => {
  expect(formInputs(pair, [floats("a", [1, 2])]).inputs[1]).toBeUndefined();
});

test.each([
  ["unknown name", [floats("feature", [1, 4])]],
  ["missing input", []],
  ["given twice", [floats("features", [1, 4]), floats("features", [1, 4])]],
  ["wrong datatype", [{ ...floats("features", [1, 4]), dtype: "FP64" }]],
  ["wrong rank", [floats("features", [3])]],
  ["wrong dimension", [floats("features", [1, 5])]],
  ["negative dimension", [floats("features", [-1, 4], 0)]],
  ["fraction as dimension", [floats("features", [1.5, 4], 6)]],
  ["huge dimension", [floats("features", [1e300, 4], 4)]],
  ["NaN as dimension", [floats("features", [Number.NaN, 4], 4)]],
  ["too few values", [floats("features", [2, 4], 7)]],
  ["too many items", [floats("features", [11, 4])]],
  ["too many inputs", ["p", "q", "r", "s"].map((name) => floats(name, [1, 4]))],
  ["rank over the limit", [floats("features", [1, 1, 1, 1, 4])]],
])("refuses: %s", (_name, given) => {
  expect(refusal(() => formInputs(four, given))).toMatchSnapshot();
});

test("refuses unequal item counts and names what was expected", () => {
  const act = () => formInputs(pair, [floats("a", [3, 2]), floats("b", [2])]);
  expect(refusal(act)).toMatchInlineSnapshot(
    `"INVALID_INPUT inputs[1] 'b': 2 items, expected 3 as in the inputs before it"`,
  );
});

test("holds each limit at its edge", () => {
  const wide = checksOf([input("x", [-1, -1])]);
  expect(refusal(() => formInputs(wide, [floats("x", [10, 10])]))).toBe("let in");
  expect(refusal(() => formInputs(wide, [floats("x", [1, 101])]))).toMatchInlineSnapshot(
    `"LIMIT_EXCEEDED inputs[0] 'x': shape [1,101] has more than 100 elements (elementsMax)"`,
  );
  const open = checksOf([input("x", [-1, -1, -1])], alone);
  const wrapping = { ...floats("x", []), shape: [2 ** 32, 2 ** 32, 4], dtype: "FP32" };
  expect(refusal(() => formInputs(open, [wrapping]))).toContain("LIMIT_EXCEEDED");
  const zero = { ...floats("x", [], 0), shape: [2 ** 52, 2 ** 52, 0] };
  expect(refusal(() => formInputs(open, [zero]))).toBe("let in");
  const words = checksOf([input("t", [-1, 1], { dtype: "BYTES" })]);
  expect(refusal(() => formInputs(words, [texts("t", ["12345678"])]))).toBe("let in");
  expect(refusal(() => formInputs(words, [texts("t", ["ok", "123456789"])]))).toMatchSnapshot();
});

test("takes any number of items for a fixed batch and exactly the shape without one", () => {
  const fixed = checksOf([input("x", [3, 2])], { kind: "fixed", items: 3 });
  expect(formInputs(fixed, [floats("x", [7, 2])]).items).toBe(7);
  const whole = checksOf([input("x", [3, 2])], alone);
  expect(formInputs(whole, [floats("x", [3, 2])]).items).toBe(1);
  expect(refusal(() => formInputs(whole, [floats("x", [7, 2])]))).toMatchInlineSnapshot(
    `"INVALID_INPUT inputs[0] 'x': shape [7,2] has 7 in dimension 0, expected 3"`,
  );
  const scalar = checksOf([input("x", [])], alone);
  expect(formInputs(scalar, [floats("x", [])]).items).toBe(1);
  expect(formInputs(checksOf([], alone), []).items).toBe(1);
});

test("tells a request without items from one with an empty dimension", () => {
  const ragged = checksOf([input("x", [-1, -1])]);
  expect(formInputs(ragged, [floats("x", [0, 5])]).items).toBe(0);
  expect(formInputs(ragged, [floats("x", [2, 0])]).items).toBe(2);
  const steps = checksOf([input("x", [-1, 3])], alone);
  expect(formInputs(steps, [floats("x", [0, 3])]).items).toBe(0);
  const empty = checksOf([input("x", [0, 3])], alone);
  expect(formInputs(empty, [floats("x", [0, 3])]).items).toBe(1);
});

test("answers no items with empty outputs where their shape is known", () => {
  const outputs = [output("label", [-1]), output("scores", [4, 3]), output("open", [-1, -1])];
  const signature: Signature = { inputs: [], outputs, layout: dynamic };
  expect(emptyOutputs(signature, [1, 0]).map((each) => each.shape)).toEqual([[0, 3], [0]]);
  expect(refusal(() => emptyOutputs(signature, undefined))).toMatchSnapshot();
});

test("finds wanted outputs, and shares batches when all are wanted", () => {
  const outputs = [output("label", [-1]), output("scores", [-1, 3])];
  const signature: Signature = { inputs: [], outputs, layout: dynamic };
  expect(wantedOutputs(signature, undefined, limits)).toBeUndefined();
  expect(wantedOutputs(signature, [], limits)).toBeUndefined();
  expect(wantedOutputs(signature, ["label", "scores"], limits)).toBeUndefined();
  expect(wantedOutputs(signature, ["scores", "label"], limits)).toEqual([1, 0]);
  expect(refusal(() => wantedOutputs(signature, ["score"], limits))).toMatchSnapshot();
  expect(refusal(() => wantedOutputs(signature, ["label", "label"], limits))).toContain("twice");
  const three = ["label", "scores", "x"];
  expect(refusal(() => wantedOutputs(signature, three, limits))).toContain("LIMIT_EXCEEDED");
});

test("checks the only numeric input on the short way as on the long one", () => {
  const elements = new Float32Array(8);
  expect(formSingle(four, { elements, items: 2 })).toEqual(
    formInputs(four, [{ name: "features", dtype: "FP32", shape: [2, 4], elements }]),
  );
  expect(formSingle(four, { elements: elements.subarray(0, 4), items: 1 }).inputs[0]?.shape).toBe(
    four.single?.shapeOfOne,
  );
  const naming = rowNaming("instances", false);
  const wrong = [
    { elements, items: 1 },
    { elements: new Float32Array(44), items: 11 },
  ].map((rows) => refusal(() => formSingle(four, rows, naming)));
  expect(wrong).toMatchSnapshot();
});

/** The rules of a request, one by one and in the order of a reader. */
function slowVerdict(signature: Signature, given: readonly GivenTensor[]): string {
  if (given.length > limits.inputsMax) return "LIMIT_EXCEEDED";
  const hasItems = signature.layout.kind !== "none";
  const seen: GivenTensor[] = [];
  for (const tensor of given) {
    const spec = signature.inputs.find((each) => each.name === tensor.name);
    if (spec === undefined || seen.some((each) => each.name === tensor.name))
      return "INVALID_INPUT";
    if (tensor.dtype !== spec.dtype) return "INVALID_INPUT";
    if (tensor.shape.length !== spec.shape.length) {
      return tensor.shape.length > limits.rankMax ? "LIMIT_EXCEEDED" : "INVALID_INPUT";
    }
    const isLegal = tensor.shape.every((size, dimension) => {
      const wanted = hasItems && dimension === 0 ? -1 : (spec.shape[dimension] ?? -1);
      return Number.isSafeInteger(size) && size >= 0 && (wanted === -1 || wanted === size);
    });
    if (!isLegal) return "INVALID_INPUT";
    if (hasItems && (tensor.shape[0] ?? 0) > limits.requestItemsMax) return "LIMIT_EXCEEDED";
    const count = tensor.shape.reduce((product, size) => product * BigInt(size), 1n);
    if (count > BigInt(limits.elementsMax)) return "LIMIT_EXCEEDED";
    if (count !== BigInt(tensor.elements.length)) return "INVALID_INPUT";
    const before = seen[0];
    if (hasItems && before !== undefined && before.shape[0] !== tensor.shape[0]) {
      return "INVALID_INPUT";
    }
    seen.push(tensor);
  }
  const isMissing = signature.inputs.some(
    (spec) => !spec.isOptional && !seen.some((each) => each.name === spec.name),
  );
  return isMissing ? "INVALID_INPUT" : "let in";
}

const dtypes = fc.constantFrom("FP32" as const, "INT64" as const, "UINT8" as const);
const specs = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c"),
    dtype: dtypes,
    shape: fc.array(fc.constantFrom(-1, 1, 2, 0), { minLength: 1, maxLength: 3 }),
    isOptional: fc.boolean(),
  }),
  { selector: (each) => each.name, maxLength: 3 },
);
const sizes = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, 11, 2 ** 31, 2 ** 53, 1e300, Number.NaN) },
);

test("agrees with the slow twin on random requests", () => {
  const request = specs.chain((list) =>
    fc.tuple(
      fc.constant(list),
      fc.constantFrom<BatchLayout>(dynamic, alone, { kind: "fixed", items: 2 }),
      fc.array(
        fc.record({
          name: fc.constantFrom(...list.map((each) => each.name), "a", "z"),
          pick: fc.nat(),
          free: fc.array(sizes, { maxLength: 5 }),
          isNear: fc.integer({ min: 0, max: 5 }),
          items: fc.integer({ min: 0, max: 2 }),
        }),
        { maxLength: 4 },
      ),
    ),
  );
  const verdicts = new Map<string, number>();
  fc.assert(
    fc.property(request, ([list, layout, wanted]) => {
      const inputs = list.map(({ name, shape, ...more }) => input(name, shape, more));
      const given = wanted.map((each) => givenNear(inputs, each));
      const verdict = slowVerdict({ inputs, outputs: [], layout }, given);
      const code = refusal(() => formInputs(checksOf(inputs, layout), given));
      expect(code === "let in" ? code : code.split(" ")[0]).toBe(verdict);
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }),
    { numRuns: 3_000 },
  );
  expect([...verdicts.keys()].sort()).toEqual(["INVALID_INPUT", "LIMIT_EXCEEDED", "let in"]);
});

interface Wanted {
  readonly name: string;
  readonly free: readonly number[];
  readonly isNear: number;
  readonly items: number;
}

/** A tensor that mostly fits the spec of its name, and sometimes not at all. */
function givenNear(inputs: readonly InputSpec[], wanted: Wanted): GivenTensor {
  const spec = inputs.find((each) => each.name === wanted.name);
  const near = spec?.shape.map((size, index) =>
    index === 0 ? wanted.items : size === -1 ? (wanted.free[index] ?? 1) : size,
  );
  const shape = wanted.isNear === 0 || near === undefined ? wanted.free : near;
  const dtype = wanted.isNear === 1 ? "FP64" : (spec?.dtype ?? "FP32");
  const product = shape.reduce((all, each) => all * each, 1);
  const count = product >= 0 && product <= 1000 && Number.isInteger(product) ? product : 1;
  const kind = dtype === "BYTES" ? "FP32" : dtype;
  return { name: wanted.name, dtype, shape, elements: newNumericArray(kind, count) };
}
