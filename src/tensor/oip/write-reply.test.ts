// Goal: a reply carries every value exactly or is refused by the output's name.
// Method: replies read back with JSON.parse and with our own reader; limits of JSON by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, ServingError } from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";
import { makeTensor, type Tensor } from "../tensor.ts";
import { withBinaryPart } from "./binary-part.ts";
import { readOipRequest } from "./read-request.ts";
import { type OipReplyOutput, type OipReplyText, writeOipReply } from "./write-reply.ts";

const names = '"model_name":"m","model_version":"1"';

function reply(outputs: readonly OipReplyOutput[], id?: string): OipReplyText {
  return writeOipReply({ names, id, outputs });
}

function json(tensor: Tensor): OipReplyText {
  return reply([{ name: "y", tensor, isBinary: false }]);
}

/** The outputs of a reply, read back as the inputs of a request. */
function readBack(text: OipReplyText): ReturnType<typeof withBinaryPart> {
  const request = text.text.replace(`{${names},"outputs"`, '{"inputs"');
  const { inputs } = readOipRequest(Buffer.from(request), defaultLimits);
  return withBinaryPart(inputs, Buffer.concat(text.parts));
}

test("names the model, echoes the id and lists the outputs in order", () => {
  const outputs = [
    { name: 'a"b', tensor: makeTensor("INT64", [2], new BigInt64Array([1n, -(2n ** 63n)])) },
    { name: "c", tensor: makeTensor("BOOL", [1, 2], new Uint8Array([0, 1])) },
    { name: "d", tensor: makeTensor("BYTES", [1], ByteStrings.fromText(['x"\n\u2028é'])) },
  ].map((output) => ({ ...output, isBinary: false }));
  const { text, parts } = reply(outputs, 'id"7');
  expect(parts).toEqual([]);
  expect(text).toContain('"data":[1,-9223372036854775808]');
  expect(JSON.parse(text)).toMatchObject({
    model_name: "m",
    model_version: "1",
    id: 'id"7',
    outputs: [
      { name: 'a"b', datatype: "INT64", shape: [2] },
      { name: "c", datatype: "BOOL", shape: [1, 2], data: [false, true] },
      { name: "d", datatype: "BYTES", shape: [1], data: ['x"\n\u2028é'] },
    ],
  });
});

test("every number comes back bit by bit, as JSON and as binary", () => {
  const float = fc.float({ noNaN: true, noDefaultInfinity: true });
  const double = fc.double({ noNaN: true, noDefaultInfinity: true });
  const whole = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(fc.array(float), fc.array(double), fc.array(whole), (floats, doubles, wholes) => {
      const tensors = [
        makeTensor("FP32", [floats.length], new Float32Array(floats)),
        makeTensor("FP64", [doubles.length], new Float64Array(doubles)),
        makeTensor("UINT64", [wholes.length], new BigUint64Array(wholes)),
      ];
      for (const isBinary of [false, true]) {
        const outputs = tensors.map((tensor, index) => ({ name: `y${index}`, tensor, isBinary }));
        const back = readBack(reply(outputs));
        tensors.forEach((tensor, index) => {
          expect(back[index]?.elements).toEqual(tensor.elements);
        });
      }
    }),
  );
});

test("binary outputs follow the text in order, numbers without a copy", () => {
  const floats = new Float32Array([1, 2]);
  const { text, parts } = reply([
    { name: "a", tensor: makeTensor("FP32", [2], floats), isBinary: true },
    { name: "b", tensor: makeTensor("INT8", [1], new Int8Array([5])), isBinary: false },
    { name: "c", tensor: makeTensor("BYTES", [1], ByteStrings.fromText(["hi"])), isBinary: true },
  ]);
  expect(JSON.parse(text).outputs).toEqual([
    { name: "a", datatype: "FP32", shape: [2], parameters: { binary_data_size: 8 } },
    { name: "b", datatype: "INT8", shape: [1], data: [5] },
    { name: "c", datatype: "BYTES", shape: [1], parameters: { binary_data_size: 6 } },
  ]);
  expect(parts[0]?.buffer).toBe(floats.buffer);
  expect(parts.map((part) => part.length)).toEqual([8, 6]);
});

test("what JSON cannot carry is refused by the output's name, and travels as binary", () => {
  const tensors = [
    makeTensor("FP32", [2], new Float32Array([0, Number.NaN])),
    makeTensor("FP64", [1], new Float64Array([Number.NEGATIVE_INFINITY])),
    makeTensor("FP16", [1], new Uint16Array(1)),
    makeTensor("BF16", [1], new Uint16Array(1)),
    makeTensor("BYTES", [1], ByteStrings.fromBytes([new Uint8Array([0xff])])),
  ];
  const messages = tensors.map((tensor) => {
    try {
      return json(tensor).text;
    } catch (thrown) {
      const error = ServingError.from(thrown);
      return `${error.code} ${error.message}`;
    }
  });
  expect(messages).toMatchSnapshot();
  for (const tensor of tensors) {
    expect(reply([{ name: "y", tensor, isBinary: true }]).parts).toHaveLength(1);
  }
});

test("a binary part must be used up exactly", () => {
  const head = { name: "x", datatype: "FP32", shape: [2], parameters: { binary_data_size: 8 } };
  const inputs = (sizes: number[]): ReturnType<typeof readOipRequest>["inputs"] =>
    readOipRequest(
      Buffer.from(
        JSON.stringify({
          inputs: sizes.map((size) => ({ ...head, parameters: { binary_data_size: size } })),
        }),
      ),
      defaultLimits,
    ).inputs;
  const part = (sizes: number[], bytes: number): unknown =>
    withBinaryPart(inputs(sizes), new Uint8Array(bytes));
  expect(part([8, 8], 16)).toHaveLength(2);
  expect(() => part([8, 8], 15)).toThrow("15 bytes, expected 16");
  expect(() => part([8, 8], 17)).toThrow("17 bytes, expected 16");
  expect(() => part([4, 12], 16)).toThrow("inputs[0] 'x': 4 bytes, expected 8 for FP32 [2]");
  expect(() => part([2 ** 53 - 1], 8)).toThrow("expected 9007199254740991");
  expect(part([], 0)).toEqual([]);
  expect(() => part([], 1)).toThrow("1 bytes, expected 0");
});
