// Goal: tensors of every type pass bit by bit in both directions, and a tensor that lies is refused
// by the name of its field before it costs memory. Method: messages written and read by protobuf's
// own code from the descriptors; random values; random bytes and cuts; lies by hand.
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { inputSpec, outputSpec } from "../../../../test/support/rest-rig.ts";
import { defaultLimits, ServingError } from "../../../base/index.ts";
import { type InputChecks, prepareInputChecks } from "../../../model/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import {
  ByteStrings,
  type Dtype,
  makeTensor,
  newNumericArray,
  type OipTensor,
  tensorBytes,
  writeBinary,
} from "../../../tensor/index.ts";
import { typeRegistry } from "../messages.ts";
import { decodePredict } from "./decode.ts";
import { encodePredict } from "./encode.ts";
import { readModelSpec } from "./model-spec.ts";
import { lists, typeNumbers } from "./types.ts";

const limits = { ...defaultLimits, grpcMessageBytesMax: 4096 };
const dtypes = Object.keys(typeNumbers) as Dtype[];
const served = { model: "m", version: "1.0.0", revision: 7 } as ServedVersion;

function descOf(name: string) {
  const desc = typeRegistry().getMessage(`tensorflow.serving.${name}`);
  if (desc === undefined) throw new Error(`no ${name}`);
  return desc;
}

function requestBytes(value: object): Buffer {
  const desc = descOf("PredictRequest");
  return Buffer.from(toBinary(desc, create(desc, value as never) as Message));
}

function checksOf(dtype: Dtype, shape: readonly number[] = [-1]): InputChecks {
  const inputs = [inputSpec({ name: "x", dtype, shape })];
  const outputs = [outputSpec({ name: "x", dtype, shape })];
  return prepareInputChecks({ inputs, outputs, layout: { kind: "dynamic" } }, limits);
}

function read(tensor: object, checks: InputChecks): OipTensor | undefined {
  return decodePredict(requestBytes({ inputs: { x: tensor } }), checks, limits).tensors[0];
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    if (!ServingError.is(thrown)) throw thrown;
    return `${thrown.code} ${thrown.message} (${thrown.field})`;
  }
  return "accepted";
}

function shapeOf(...sizes: number[]): object {
  return { dim: sizes.map((size) => ({ size: BigInt(size) })) };
}

const bits = fc.integer({ min: 0, max: 65_535 });
const values: Readonly<Record<Dtype, fc.Arbitrary<unknown>>> = {
  BOOL: fc.boolean(),
  INT8: fc.integer({ min: -128, max: 127 }),
  INT16: fc.integer({ min: -32_768, max: 32_767 }),
  INT32: fc.integer(),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  UINT8: fc.integer({ min: 0, max: 255 }),
  UINT16: bits,
  UINT32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  FP16: bits,
  BF16: bits,
  FP32: fc.float(),
  FP64: fc.double(),
  BYTES: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
};

/** `float_val` as the generated code calls it. */
function listName(dtype: Dtype): string {
  return lists[dtype].name.replace("_val", "Val");
}

function bytesOf({ dtype, shape, elements }: OipTensor): Buffer {
  return Buffer.from(writeBinary(makeTensor(dtype, shape, elements)));
}

test("a tensor of any type is read from its list, written to it and read again unchanged", () => {
  const drawn = fc
    .constantFrom(...dtypes)
    .chain((dtype) =>
      fc.record({ dtype: fc.constant(dtype), list: fc.array(values[dtype], { maxLength: 6 }) }),
    );
  fc.assert(
    fc.property(drawn, ({ dtype, list }) => {
      const checks = checksOf(dtype);
      const given = { dtype: typeNumbers[dtype], tensorShape: shapeOf(list.length) };
      const tensor = read({ ...given, [listName(dtype)]: list }, checks);
      if (tensor === undefined) throw new Error("no tensor");
      expect(tensor).toMatchObject({ name: "x", dtype, shape: [list.length] });
      const output = { name: "x", tensor: makeTensor(dtype, tensor.shape, tensor.elements) };
      const { frame } = encodePredict(served, [output]);
      const reply = fromBinary(descOf("PredictResponse"), frame.subarray(5)) as Message & {
        outputs: Record<string, Record<string, unknown>>;
        modelSpec: object;
      };
      expect(reply.modelSpec).toMatchObject({
        ...{ name: "m", signatureName: "serving_default" },
        versionChoice: { case: "version", value: { value: 7n } },
      });
      expect(reply.outputs["x"]).toMatchObject({
        ...{ dtype: typeNumbers[dtype], [listName(dtype)]: list },
      });
      const again = read(reply.outputs["x"] as object, checks);
      expect(again === undefined ? undefined : bytesOf(again)).toEqual(bytesOf(tensor));
    }),
    { numRuns: 500 },
  );
});

test("raw bytes are the elements as they lie, NaN and its bits included", () => {
  for (const dtype of dtypes.filter((each) => each !== "BYTES" && each !== "BOOL")) {
    const elements = newNumericArray(dtype as "FP32", 3);
    const content = new Uint8Array(elements.byteLength).fill(0xff);
    const given = { dtype: typeNumbers[dtype], tensorShape: shapeOf(3) };
    const tensor = read({ ...given, tensorContent: content }, checksOf(dtype));
    expect(tensor === undefined ? undefined : bytesOf(tensor)).toEqual(Buffer.from(content));
  }
});

test("one value fills the shape, up to the size of a message", () => {
  const float = { dtype: 1, floatVal: [Number.NaN] };
  const filled = read({ ...float, tensorShape: shapeOf(5) }, checksOf("FP32"));
  expect(Array.from(filled?.elements as Float32Array)).toEqual(new Array(5).fill(Number.NaN));
  const big = { dtype: 9, tensorShape: shapeOf(3), int64Val: [-(2n ** 63n)] };
  const least = read(big, checksOf("INT64"))?.elements as BigInt64Array;
  expect(Array.from(least)).toEqual(new Array(3).fill(-(2n ** 63n)));
  const text = { dtype: 7, tensorShape: shapeOf(3), stringVal: [Buffer.from("ab")] };
  const texts = read(text, checksOf("BYTES"))?.elements;
  expect(texts instanceof ByteStrings ? texts.toTexts() : []).toEqual(["ab", "ab", "ab"]);
  const most = limits.grpcMessageBytesMax / 4;
  expect(read({ ...float, tensorShape: shapeOf(most) }, checksOf("FP32"))?.shape).toEqual([most]);
  const over = refusal(() => read({ ...float, tensorShape: shapeOf(most + 1) }, checksOf("FP32")));
  expect(over).toContain("LIMIT_EXCEEDED inputs['x'].float_val");
  expect(over).toContain("grpcMessageBytesMax");
  const long = { ...text, tensorShape: shapeOf(9), stringVal: [Buffer.alloc(500)] };
  expect(refusal(() => read(long, checksOf("BYTES")))).toContain("LIMIT_EXCEEDED");
});

const float = { dtype: 1, tensorShape: shapeOf(4), floatVal: [1, 2, 3, 4] };

const lies: readonly [string, object, Dtype, string][] = [
  ["too many values", { ...float, floatVal: [1, 2, 3, 4, 5] }, "FP32", "inputs['x'].float_val: 5"],
  ["too few values", { ...float, floatVal: [1, 2] }, "FP32", "inputs['x'].float_val: 2 values"],
  ["no value", { ...float, floatVal: [] }, "FP32", "inputs['x'].float_val: 0 values"],
  [
    "a value of nothing",
    { ...float, tensorShape: shapeOf(0), floatVal: [1] },
    "FP32",
    "expected 0",
  ],
  ["a negative size", { ...float, tensorShape: shapeOf(-4) }, "FP32", "dimension 0 is -4"],
  ["a vast size", { ...float, tensorShape: shapeOf(2 ** 62) }, "FP32", "inputs['x']: dimension 0"],
  ["another rank", { ...float, tensorShape: shapeOf(2, 2) }, "FP32", "inputs['x']: shape [2,2]"],
  ["no rank", { ...float, tensorShape: { unknownRank: true } }, "FP32", "unknown_rank: true"],
  ["no shape", { dtype: 1, floatVal: [1] }, "FP32", "inputs['x']: shape [] has rank 0"],
  ["another type", { ...float, dtype: 2 }, "FP32", "inputs['x']: datatype 'FP64', expected 'FP32'"],
  ["no type", { ...float, dtype: 0 }, "FP32", "inputs['x'].dtype: DT_INVALID (0)"],
  ["a foreign type", { ...float, dtype: 20 }, "FP32", "inputs['x'].dtype: 20"],
  ["another list", { ...float, doubleVal: [1] }, "FP32", "inputs['x'].double_val: double_val for"],
  ["both forms", { ...float, tensorContent: Buffer.alloc(16) }, "FP32", "tensor_content: given"],
  [
    "short bytes",
    { dtype: 1, tensorShape: shapeOf(4), tensorContent: Buffer.alloc(15) },
    "FP32",
    "inputs['x'].tensor_content: 15 bytes, expected 16",
  ],
  [
    "packed strings",
    { dtype: 7, tensorShape: shapeOf(1), tensorContent: Buffer.alloc(4) },
    "BYTES",
    "inputs['x'].tensor_content: DT_STRING",
  ],
  [
    "a wide byte",
    { dtype: 4, tensorShape: shapeOf(1), intVal: [256] },
    "UINT8",
    "int_val: element",
  ],
  ["a negative byte", { dtype: 4, tensorShape: shapeOf(1), intVal: [-1] }, "UINT8", "is -1"],
  ["bits over 16", { dtype: 19, tensorShape: shapeOf(1), halfVal: [65_536] }, "FP16", "half_val"],
  [
    "a boolean of two",
    { dtype: 10, tensorShape: shapeOf(1), tensorContent: Buffer.of(2) },
    "BOOL",
    "expected 0 or 1",
  ],
];

test.each(lies)("%s is refused by the name of the field", (_name, tensor, dtype, words) => {
  const told = refusal(() => read(tensor, checksOf(dtype)));
  expect(told).toMatch(/^INVALID_INPUT /);
  expect(told).toContain(words);
});

test("counts over their limits are refused", () => {
  const many = new Array(limits.rankMax + 1).fill(1) as number[];
  const deep = refusal(() => read({ ...float, tensorShape: shapeOf(...many) }, checksOf("FP32")));
  expect(deep).toContain("LIMIT_EXCEEDED inputs['x'].tensor_shape");
  const names = Array.from({ length: limits.inputsMax + 1 }, (_, index) => [`x${index}`, float]);
  const wide = requestBytes({ inputs: Object.fromEntries(names) });
  expect(refusal(() => decodePredict(wide, checksOf("FP32"), limits))).toContain("inputsMax");
  const outputFilter = new Array(limits.outputsMax + 1).fill("x") as string[];
  const asked = requestBytes({ inputs: { x: float }, outputFilter });
  expect(refusal(() => decodePredict(asked, checksOf("FP32"), limits))).toContain("outputsMax");
});

test("of two entries with one key the later counts", () => {
  const first = requestBytes({ inputs: { x: { ...float, dtype: 20 } } });
  const twice = Buffer.concat([first, requestBytes({ inputs: { x: float } })]);
  const { tensors } = decodePredict(twice, checksOf("FP32"), limits);
  expect(tensors).toHaveLength(1);
  expect(Array.from(tensors[0]?.elements as Float32Array)).toEqual([1, 2, 3, 4]);
});

test("a cut or changed message is read or refused, and never anything else", () => {
  const whole = requestBytes({
    modelSpec: { name: "m", versionChoice: { case: "version", value: { value: 3n } } },
    inputs: { x: float },
    outputFilter: ["x"],
  });
  expect(readModelSpec(whole)).toMatchObject({ model: "m", kind: "version", version: "3" });
  const checks = checksOf("FP32");
  const changes = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), {
    maxLength: 4,
  });
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.nat({ max: whole.length }), changes, (length, places) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of places) bytes[at] = value;
      const cut = bytes.subarray(0, length);
      const told = refusal(() => {
        readModelSpec(cut);
        const { tensors } = decodePredict(cut, checks, limits);
        for (const { dtype, shape, elements } of tensors) {
          expect(tensorBytes(makeTensor(dtype, shape, elements))).toBeLessThanOrEqual(4096);
        }
      });
      seen.add(told.split(" ")[0] ?? "");
    }),
    { numRuns: 2_000 },
  );
  expect([...seen]).toEqual(expect.arrayContaining(["INVALID_REQUEST", "INVALID_INPUT"]));
});
