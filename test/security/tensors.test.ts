// Goal: no shape, count, size or value of a tensor makes the server guess, cut, wrap, allocate
// without need or answer 5xx; what is exact stays exact. Method: tables of wrong tensors over the
// protocol as JSON and as bytes and over the simple dialect, against the built server.
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeModel } from "../../tools/onnx/builder.ts";
import { picky } from "../../tools/onnx/loads.ts";
import { constant, identity, mixed, scalar } from "../../tools/onnx/models.ts";
import { type JsonReply, post } from "../support/built-server.ts";
import { residentBytes } from "../support/process-figures.ts";
import { demoModels, type House, openHouse } from "./hostile-house.ts";

let house: House;

const many = Array.from({ length: 80 }, (_, index) => `y${index}`);
const manyOutputs = writeModel({
  nodes: many.map((name) => ({ op: "Identity", inputs: ["x"], outputs: [name] })),
  inputs: [{ name: "x", type: { tensor: "FP32", shape: ["batch", 1] } }],
  outputs: many.map((name) => ({ name, type: { tensor: "FP32", shape: ["batch", 1] } })),
});

beforeAll(async () => {
  house = await openHouse({
    files: {
      "whole/1/model.onnx": identity("INT64", ["batch", 1]),
      "natural/1/model.onnx": identity("UINT64", ["batch", 1]),
      "small/1/model.onnx": identity("INT8", ["batch", 1]),
      "grid/1/model.onnx": identity("FP32", ["batch", "a", "b"]),
      "double/1/model.onnx": identity("FP64", ["batch", 1]),
      "half/1/model.onnx": identity("FP16", ["batch", 2]),
      "truth/1/model.onnx": identity("BOOL", ["batch", 2]),
      "text/1/model.onnx": identity("BYTES", ["batch", 1]),
      "mixed/1/model.onnx": mixed(),
      "scalar/1/model.onnx": scalar(),
      "constant/1/model.onnx": constant(),
      "picky/1/model.onnx": picky(),
      "many/1/model.onnx": manyOutputs,
    },
    args: [demoModels],
    growthBytesMax: 64 * 1024 * 1024,
  });
});
afterAll(() => house.close());

function infer(model: string, body: unknown): Promise<JsonReply> {
  return post(`${house.url}/v2/models/${model}/infer`, body);
}

/** One JSON input as text, so that a test can write what JSON.stringify would not. */
function input(fields: Readonly<Record<string, string>>): string {
  const all = { name: '"x"', datatype: '"FP32"', shape: "[1,4]", data: "[1,2,3,4]", ...fields };
  const members = Object.entries(all).filter(([, text]) => text !== "");
  return `{${members.map(([key, text]) => `"${key}":${text}`).join(",")}}`;
}

const request = (...inputs: string[]): string => `{"inputs":[${inputs.join(",")}]}`;

interface Refusal {
  readonly error: string;
  readonly code: string;
  readonly field?: string;
}

function expectRefusal(reply: JsonReply, words: readonly string[]): void {
  const body = reply.body as Refusal;
  expect(reply.status, `${words}: ${reply.text}`).toBe(400);
  expect(["INVALID_REQUEST", "INVALID_INPUT", "LIMIT_EXCEEDED"]).toContain(body.code);
  for (const word of words) expect(body.error).toContain(word);
}

test.each<[what: string, fields: Record<string, string>, words: string[]]>([
  ["a negative dimension", { shape: "[-1,4]" }, ["inputs[0].shape[0]", "-1"]],
  ["a fraction", { shape: "[1.5,4]" }, ["inputs[0].shape[0]", "1.5"]],
  ["a fraction of no size", { shape: "[1e-400,4]" }, ["inputs[0].shape"]],
  ["an infinite dimension", { shape: "[1e400,4]" }, ["inputs[0].shape[0]"]],
  ["a text dimension", { shape: '["1",4]' }, ["inputs[0].shape[0]", "whole number"]],
  ["a null dimension", { shape: "[null,4]" }, ["inputs[0].shape[0]"]],
  ["a nested dimension", { shape: "[[1],4]" }, ["inputs[0].shape[0]"]],
  ["2^31 items", { shape: "[2147483648,4]" }, ["elements"]],
  ["2^32 elements", { shape: "[1073741824,4]" }, ["elementsMax"]],
  ["2^32 + 4 elements, which wraps to 4", { shape: "[1073741825,4]" }, ["elementsMax"]],
  ["2^53 + 1 items", { shape: "[9007199254740993,4]" }, ["inputs[0].shape[0]"]],
  ["2^53 - 1 items", { shape: "[9007199254740991,4]" }, ["elementsMax"]],
  ["2^63 items", { shape: "[9223372036854775808,4]" }, ["inputs[0].shape[0]"]],
  ["2^64 + 1 items", { shape: "[18446744073709551617,4]" }, ["inputs[0].shape[0]"]],
  ["items of 1,000 digits", { shape: `[${"9".repeat(1_000)},4]` }, ["inputs[0].shape[0]"]],
  ["rank 0", { shape: "[]" }, ["inputs[0]"]],
  ["rank 1", { shape: "[4]" }, ["inputs[0]", "shape"]],
  ["rank 3", { shape: "[1,1,4]" }, ["inputs[0]", "rank"]],
  ["rank 9", { shape: "[1,1,1,1,1,1,1,1,4]" }, ["inputs[0].shape", "rankMax"]],
  ["rank 10,000", { shape: `[${"1,".repeat(9_999)}4]` }, ["inputs[0].shape", "rankMax"]],
  ["a fixed dimension of another size", { shape: "[1,5]", data: "[1,2,3,4,5]" }, ["expected 4"]],
  ["zero in a fixed dimension", { shape: "[1,0]", data: "[]" }, ["expected 4"]],
  ["no shape", { shape: "" }, ["inputs[0].shape", "missing"]],
  ["a shape that is no list", { shape: "4" }, ["inputs[0].shape"]],
  ["no datatype", { datatype: "" }, ["inputs[0].datatype", "missing"]],
  ["an unknown datatype", { datatype: '"FP33"' }, ["inputs[0].datatype", "FP33"]],
  ["a datatype that is a number", { datatype: "1" }, ["inputs[0].datatype"]],
  ["another datatype", { datatype: '"FP64"' }, ["FP64", "FP32"]],
  ["another datatype of equal size", { datatype: '"INT32"' }, ["INT32", "FP32"]],
  ["a datatype that JSON cannot carry", { datatype: '"FP16"' }, ["FP16"]],
  ["no name", { name: "" }, ["inputs[0].name", "missing"]],
  ["a name that is a number", { name: "1" }, ["inputs[0].name"]],
  ["an unknown name", { name: '"z"' }, ["z", "'x'"]],
  ["a name of 100,000 letters", { name: `"${"z".repeat(100_000)}"` }, ["inputs[0]"]],
  ["no data", { data: "" }, ["inputs[0].data", "missing"]],
  ["data that is no list", { data: "1" }, ["inputs[0].data"]],
  ["data that is an object", { data: "{}" }, ["inputs[0].data"]],
  ["data of null", { data: "null" }, ["inputs[0].data"]],
  ["a value too few", { data: "[1,2,3]" }, ["inputs[0].data", "3 values"]],
  ["a value too many", { data: "[1,2,3,4,5]" }, ["inputs[0].data"]],
  ["no value", { data: "[]" }, ["inputs[0].data"]],
  ["ragged lists", { shape: "[2,4]", data: "[[1,2,3,4,5],[6,7,8]]" }, ["inputs[0].data"]],
  ["lists beside values", { data: "[[1,2],3,4]" }, ["inputs[0].data"]],
  ["text for a number", { data: '[1,"2",3,4]' }, ["inputs[0].data[1]"]],
  ["true for a number", { data: "[1,true,3,4]" }, ["inputs[0].data[1]"]],
  ["null for a number", { data: "[1,null,3,4]" }, ["inputs[0].data[1]"]],
  ["NaN", { data: "[1,NaN,3,4]" }, ["NaN"]],
  ["Infinity", { data: "[1,Infinity,3,4]" }, ["Infinity"]],
  ["-Infinity", { data: "[1,-Infinity,3,4]" }, ["Infinity"]],
  ["1e400", { data: "[1,1e400,3,4]" }, ["inputs[0].data[1]"]],
  ["more than float32 holds", { data: "[1,3.5e38,3,4]" }, ["inputs[0].data[1]"]],
  ["a number of 100,000 digits", { data: `[1,${"9".repeat(100_000)},3,4]` }, ["data[1]"]],
  ["a leading zero", { data: "[1,02,3,4]" }, []],
  ["hexadecimal", { data: "[1,0x2,3,4]" }, []],
  ["a bare point", { data: "[1,.2,3,4]" }, []],
  ["a point at the end", { data: "[1,2.,3,4]" }, []],
  ["a plus", { data: "[1,+2,3,4]" }, []],
  ["a comma at the end", { data: "[1,2,3,4,]" }, []],
  ["two commas", { data: "[1,,3,4]" }, []],
  ["contents, the form of gRPC", { data: "", contents: '{"fp32_contents":[1]}' }, ["contents"]],
  ["data and a binary size", { parameters: '{"binary_data_size":16}' }, ["inputs[0]", "data"]],
  ["a binary size without bytes", { data: "", parameters: '{"binary_data_size":16}' }, []],
  [
    "a negative binary size",
    { data: "", parameters: '{"binary_data_size":-16}' },
    ["whole number"],
  ],
  ["a parameter that is a list", { parameters: '{"a":[]}' }, ["inputs[0].parameters"]],
])("refuses %s", async (_, fields, words) => {
  expectRefusal(await infer("row", request(input(fields))), words);
});

test.each<[what: string, body: string, words: string[]]>([
  ["no inputs", "{}", ["inputs", "missing"]],
  ["inputs that are no list", '{"inputs":{}}', ["inputs"]],
  ["an input that is no object", '{"inputs":[1]}', ["inputs[0]"]],
  ["an empty list of inputs", '{"inputs":[]}', ["'x'", "missing"]],
  ["the same input twice", request(input({}), input({})), ["inputs[1]", "twice"]],
  ["inputs twice", `{"inputs":[${input({})}],"inputs":[]}`, ["inputs", "twice"]],
  ["data twice", request(input({}).replace("}", ',"data":[1,2,3,4]}')), ["data", "twice"]],
  ["shape twice", request(input({}).replace("}", ',"shape":[1,4]}')), ["shape", "twice"]],
  ["name twice", request(input({}).replace("}", ',"name":"x"}')), ["name", "twice"]],
  ["10,000 tensors", request(...new Array<string>(10_000).fill(input({}))), ["inputsMax"]],
  ["an unknown output", `{"inputs":[${input({})}],"outputs":[{"name":"z"}]}`, ["z", "'y'"]],
  ["an output twice", `{"inputs":[${input({})}],"outputs":[{"name":"y"},{"name":"y"}]}`, ["twice"]],
  ["an output that is no object", `{"inputs":[${input({})}],"outputs":["y"]}`, ["outputs[0]"]],
  ["an id that is a number", `{"id":1,"inputs":[${input({})}]}`, ["id"]],
  ["an id of 2,000 letters", `{"id":"${"a".repeat(2_000)}","inputs":[${input({})}]}`, ["id"]],
  ["parameters that are a list", `{"parameters":[],"inputs":[${input({})}]}`, ["parameters"]],
  ["a negative timeout", `{"parameters":{"timeout":-1},"inputs":[${input({})}]}`, ["timeout"]],
  ["a bare list", "[]", ["list"].slice(1)],
  ["nothing", "", []],
  ["a number", "1", []],
])("refuses %s in the envelope", async (_, body, words) => {
  expectRefusal(await infer("row", body), words);
});

test("refuses 10,000 wanted outputs, and takes as many as the limit allows", async () => {
  const asked = (count: number): unknown => ({
    inputs: [{ name: "x", shape: [1, 1], datatype: "FP32", data: [1] }],
    outputs: many.slice(0, count).map((name) => ({ name })),
  });
  expect((await infer("many", asked(64))).status).toBe(200);
  expectRefusal(await infer("many", asked(65)), ["outputs", "outputsMax"]);
  const outputs = new Array(10_000).fill({ name: "y0" });
  expectRefusal(await infer("many", { ...(asked(1) as object), outputs }), ["outputsMax"]);
});

test("64-bit integers stay exact both ways, at every edge", async () => {
  const signed = [
    ...["0", "-0", "1", "-1", "9007199254740991", "9007199254740992", "9007199254740993"],
    ...["-9007199254740993", "9223372036854775807", "-9223372036854775808", "1e3", "1.0"],
  ];
  for (const text of signed) {
    const body = request(input({ datatype: '"INT64"', shape: "[1,1]", data: `[${text}]` }));
    const reply = await infer("whole", body);
    expect([text, reply.status]).toEqual([text, 200]);
    const exact = text === "1e3" ? "1000" : text === "1.0" ? "1" : String(BigInt(text));
    expect(reply.text).toContain(`"data":[${exact}]`);
  }
  for (const text of ["18446744073709551615", "9223372036854775808"]) {
    const body = request(input({ datatype: '"UINT64"', shape: "[1,1]", data: `[${text}]` }));
    expect((await infer("natural", body)).text).toContain(`"data":[${text}]`);
  }
});

test.each([
  ["whole", "INT64", "9223372036854775808"],
  ["whole", "INT64", "-9223372036854775809"],
  ["whole", "INT64", "18446744073709551616"],
  ["whole", "INT64", "1.5"],
  ["whole", "INT64", "1e19"],
  ["whole", "INT64", "1e400"],
  ["whole", "INT64", "1e-1"],
  ["whole", "INT64", `1${"0".repeat(400)}`],
  ["whole", "INT64", '"1"'],
  ["natural", "UINT64", "-1"],
  ["natural", "UINT64", "18446744073709551616"],
  ["small", "INT8", "128"],
  ["small", "INT8", "-129"],
  ["small", "INT8", "1e2000000000"],
  ["small", "INT8", "0.5"],
  ["truth", "BOOL", "2"],
  ["truth", "BOOL", '"true"'],
  ["double", "FP64", "1e400"],
  ["double", "FP64", "-1e400"],
])("%s refuses the %s %s, naming the element", async (model, dtype, text) => {
  const width = model === "truth" ? 2 : 1;
  const data = `[${new Array<string>(width).fill(text).join(",")}]`;
  const fields = { datatype: `"${dtype}"`, shape: `[1,${width}]`, data };
  expectRefusal(await infer(model, request(input(fields))), ["inputs[0].data[0]"]);
});

// --- bytes ------------------------------------------------------------------------------------

interface Bytes {
  readonly header: unknown;
  readonly parts?: readonly Uint8Array[];
  /** The header's length as announced. */
  readonly length?: string;
}

async function inferBytes(model: string, given: Bytes): Promise<JsonReply> {
  const json = Buffer.from(
    typeof given.header === "string" ? given.header : JSON.stringify(given.header),
  );
  const reply = await fetch(`${house.url}/v2/models/${model}/infer`, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": given.length ?? String(json.length),
    },
    body: Buffer.concat([json, ...(given.parts ?? [])]),
  });
  const text = Buffer.from(await reply.arrayBuffer()).toString("latin1");
  const body: unknown = reply.ok ? undefined : JSON.parse(text);
  return { status: reply.status, headers: reply.headers, body, text };
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);
const four = floats(1, 2, 3, 4);

function sized(size: unknown, more: object = {}): unknown {
  const parameters = { binary_data_size: size };
  return { inputs: [{ name: "x", datatype: "FP32", shape: [1, 4], parameters, ...more }] };
}

test.each<[what: string, given: Bytes, words: string[]]>([
  ["fewer bytes than announced", { header: sized(32), parts: [four] }, ["16 bytes", "32"]],
  ["more bytes than announced", { header: sized(8), parts: [four] }, ["16 bytes", "8"]],
  ["no bytes", { header: sized(16) }, ["0 bytes", "16"]],
  ["bytes nobody announced", { header: request(input({})), parts: [four] }, ["16 bytes", "0"]],
  [
    "a size that is not the shape's",
    { header: sized(16, { shape: [2, 4] }), parts: [four] },
    ["32"],
  ],
  ["a size of 2^53 - 1", { header: sized(2 ** 53 - 1), parts: [four] }, ["bytes"]],
  ["a size of 2^64", { header: sized(2 ** 64), parts: [four] }, ["binary_data_size"]],
  ["a fraction", { header: sized(16.5), parts: [four] }, ["binary_data_size"]],
  ["a size of text", { header: sized("16"), parts: [four] }, ["binary_data_size"]],
  ["a negative size", { header: sized(-16), parts: [four] }, ["binary_data_size"]],
  ["a wrapping shape", { header: sized(16, { shape: [2 ** 30 + 1, 4] }), parts: [four] }, ["Max"]],
  ["a header length past the body", { header: sized(16), parts: [four], length: "9999" }, ["9999"]],
  [
    "a header length of 2^64",
    { header: sized(16), parts: [four], length: "18446744073709551617" },
    [],
  ],
  ["a negative header length", { header: sized(16), parts: [four], length: "-1" }, ["-1"]],
  ["a header length of text", { header: sized(16), parts: [four], length: "many" }, ["many"]],
  ["a hexadecimal header length", { header: sized(16), parts: [four], length: "0x60" }, ["0x60"]],
  ["a header length with blanks", { header: sized(16), parts: [four], length: "1 2" }, ["1 2"]],
  ["a header length that cuts the JSON", { header: sized(16), parts: [four], length: "20" }, []],
  ["a header length of one byte", { header: sized(16), parts: [four], length: "1" }, []],
  [
    "a header that ends in the tensors",
    { header: `${JSON.stringify(sized(16))}  `, length: "500" },
    [],
  ],
])("refuses binary tensors with %s", async (_, given, words) => {
  expectRefusal(await inferBytes("row", given), words);
});

test("a header length one byte off either way is refused", async () => {
  const header = JSON.stringify(sized(16));
  for (const off of [-1, 1]) {
    const reply = await inferBytes("row", {
      header,
      parts: [four],
      length: String(header.length + off),
    });
    expectRefusal(reply, []);
  }
});

/** BYTES elements with a stated length each. */
function element(length: number, text: string | Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(length);
  return Buffer.concat([head, Buffer.from(text)]);
}

test.each<[what: string, bytes: Buffer, count: number]>([
  ["a length past the end", element(100, "abc"), 1],
  ["a length of 2^32 - 1", element(2 ** 32 - 1, "abc"), 1],
  ["a length that is cut off", Buffer.from([3, 0]), 1],
  ["fewer elements than the shape", element(3, "abc"), 2],
  ["more elements than the shape", Buffer.concat([element(3, "abc"), element(1, "d")]), 1],
  ["bytes after the last element", Buffer.concat([element(3, "abc"), Buffer.from("x")]), 1],
  ["an element over the limit", element(2 ** 20 + 1, Buffer.alloc(2 ** 20 + 1, 0x61)), 1],
])("refuses strings as bytes with %s", async (_, bytes, count) => {
  const parameters = { binary_data_size: bytes.length };
  const header = {
    inputs: [{ name: "x", datatype: "BYTES", shape: [count, 1], parameters }],
  };
  expectRefusal(await inferBytes("text", { header, parts: [bytes] }), []);
});

test("special floats travel as bytes bit by bit, and -0 in JSON", async () => {
  const parts = [floats(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0)];
  const header = sized(16, {});
  const asked = { ...(header as object), parameters: { binary_data_output: true } };
  const reply = await inferBytes("row", { header: asked, parts });
  expect(reply.status).toBe(200);
  const got = Buffer.from(reply.text, "latin1").subarray(-16);
  expect(got.equals(Buffer.from(parts[0] as Uint8Array))).toBe(true);
  const json = await infer("row", request(input({ data: "[-0.0,-0,0,1e-50]" })));
  expect(json.text).toContain('"data":[-0,-0,0,0]');
});

test.each([
  ["NaN", [Number.NaN, 0, 0, 0]],
  ["Infinity", [0, Number.POSITIVE_INFINITY, 0, 0]],
  ["-Infinity", [0, 0, 0, Number.NEGATIVE_INFINITY]],
])("an output with %s asked for as JSON is 406, never null", async (_, values) => {
  const reply = await inferBytes("row", { header: sized(16), parts: [floats(...values)] });
  expect([reply.status, (reply.body as Refusal).code]).toEqual([406, "OUTPUT_NOT_REPRESENTABLE"]);
});

test("float16 outputs and raw bytes asked for as JSON are 406", async () => {
  const parameters = { binary_data_size: 4 };
  const half = { inputs: [{ name: "x", datatype: "FP16", shape: [1, 2], parameters }] };
  const reply = await inferBytes("half", { header: half, parts: [new Uint8Array(4)] });
  expect(reply.status).toBe(406);
});

// --- texts ------------------------------------------------------------------------------------

const text = (literal: string): string =>
  request(input({ datatype: '"BYTES"', shape: "[1,1]", data: `[${literal}]` }));

test.each([
  ['"\\ud800"'],
  ['"\\udc00"'],
  ['"a\\ud800b"'],
  ['"\\udc00\\ud800"'],
  ['"\\ud83d\\u0041"'],
  ['"\\ud83d\\ud83d\\ude00"'],
  ['"\\uZZZZ"'],
  ['"\\u12"'],
  ['"\\x41"'],
  ['"a'],
  ['"line\nbreak"'],
  ["1"],
  ["null"],
  ["{}"],
])("refuses the text %s", async (literal) => {
  expectRefusal(await infer("text", text(literal)), []);
  expectRefusal(await post(`${house.url}/predict`, `{"model_name":"text","text":${literal}}`), []);
});

test("refuses bytes that are not UTF-8 in JSON", async () => {
  for (const bytes of [[0xff], [0xc0, 0xae], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf5, 0x80]]) {
    const [before = "", after = ""] = text('"?"').split("?");
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
    const reply = await fetch(`${house.url}/v2/models/text/infer`, { method: "POST", body });
    expect([bytes, reply.status]).toEqual([bytes, 400]);
  }
});

test("a NUL inside a text is refused or kept, never cut", async () => {
  const literal = '"ab\\u0000cd"';
  const replies = [
    await infer("text", text(literal)),
    await post(`${house.url}/predict`, `{"model_name":"text","text":${literal}}`),
    await post(`${house.url}/predict`, `{"model_name":"sentiment","text":${literal}}`),
    await infer("text", text('"\\u0000"')),
  ];
  for (const reply of replies) {
    expect([400, 422], reply.text).toContain(reply.status);
    expect((reply.body as Refusal).error).toMatch(/NUL|U\+0000/);
  }
  const bytes = element(5, "ab\0cd");
  const parameters = { binary_data_size: bytes.length };
  const header = { inputs: [{ name: "x", datatype: "BYTES", shape: [1, 1], parameters }] };
  const binary = await inferBytes("text", { header, parts: [bytes] });
  expect([400, 422], binary.text).toContain(binary.status);
  const fine = await infer("text", text('"\\u0001 \\ud83d\\ude00 \\\\ \\""'));
  expect((fine.body as { outputs: { data: string[] }[] }).outputs[0]?.data[0]).toBe(
    '\u0001 😀 \\ "',
  );
});

test("one bad text in a batch does not cut its neighbours' texts", async () => {
  const asked = Array.from({ length: 20 }, (_, index) =>
    infer("text", text(index % 5 === 0 ? '"a\\u0000b"' : `"text ${index}"`)),
  );
  const replies = await Promise.all(asked);
  replies.forEach((reply, index) => {
    if (index % 5 === 0) expect([400, 422]).toContain(reply.status);
    else expect(reply.text).toContain(`"data":["text ${index}"]`);
  });
});

// --- the simple dialect -----------------------------------------------------------------------

test.each<[body: string, words: string[]]>([
  ['{"features":[1,2,3]}', ["features"]],
  ['{"features":[1,2,3,4,5]}', ["features"]],
  ['{"features":[1,2,3,1e400]}', ["features"]],
  ['{"features":[1,2,3,NaN]}', ["NaN"]],
  ['{"features":[1,2,3,null]}', ["features"]],
  ['{"features":[1,2,3,"4"]}', ["features"]],
  ['{"features":[[1,2,3,4]]}', ["features"]],
  ['{"features":"1,2,3,4"}', ["features"]],
  ['{"features":[1,-5,3,4]}', ["tenure"]],
  ['{"features":[1,2.5,3,4]}', ["tenure"]],
  ['{"features":{"age":1}}', ["missing"]],
  ['{"features":{"age":1,"agee":2}}', ["age"]],
  ['{"features":{"age":1,"age":2,"tenure":1,"monthly_charges":1}}', ["age", "twice"]],
  ['{"age":1,"tenure":1,"monthly_charges":1,"nonsense":1}', ["nonsense"]],
  ['{"instances":[[1,2,3,4],[1,2,3]]}', ["instances[1]"]],
  ['{"instances":[[1,2,3,4],null]}', ["instances[1]"]],
  ['{"instances":{}}', ["instances"]],
  ['{"instances":1}', ["instances"]],
  ['{"input_data":[[1,2,3,4],[1,2]]}', ["input_data[1]"]],
  ['{"input_data":[[[1,2,3,4]]]}', ["input_data"]],
  ['{"text":"a"}', ["features"]],
  ['{"features":[1,2,3,4],"model_name":[]}', ["model_name"]],
  ['{"features":[1,2,3,4]', []],
  ['{"features":[1,2,3,4]}}', []],
  ["", []],
  ["null", []],
  ["[]", []],
  ['"features"', []],
])("/predict refuses %s", async (body, words) => {
  expectRefusal(await post(`${house.url}/predict?model=churn`, body), words);
});

test("what the engine itself refuses is 422 with the model's neighbours unharmed", async () => {
  const bad = { inputs: [{ name: "index", datatype: "INT64", shape: [1, 1], data: [99] }] };
  const good = { inputs: [{ name: "index", datatype: "INT64", shape: [1, 1], data: [3] }] };
  const replies = await Promise.all([bad, good, bad, good].map((body) => infer("picky", body)));
  expect(replies.map((reply) => reply.status)).toEqual([422, 200, 422, 200]);
});

test("no dimension of 0 kills anything: no items, no elements, a scalar, no inputs", async () => {
  const empty = (model: string, shape: number[]): Promise<JsonReply> =>
    infer(model, { inputs: [{ name: "x", datatype: "FP32", shape, data: [] }] });
  expect((await empty("row", [0, 4])).text).toContain('"shape":[0,4]');
  expect((await empty("grid", [0, 3, 3])).status).toBeLessThan(500);
  expect((await empty("grid", [1, 0, 3])).status).toBe(200);
  expect((await empty("grid", [1, 0, 2 ** 40])).status).toBeLessThan(500);
  expectRefusal(await empty("grid", [2 ** 40, 2 ** 40, 2 ** 40]), ["elementsMax"]);
  expect((await empty("scalar", [0])).status).toBe(400);
  expect((await infer("constant", { inputs: [] })).status).toBe(200);
});

test("a shape that lies takes no memory before it is refused", async () => {
  const before = residentBytes(house.pid);
  for (let index = 0; index < 200; index += 1) {
    const reply = await infer("grid", {
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 8_192, 8_191], data: [1] }],
    });
    expect(reply.status).toBe(400);
    const parameters = { binary_data_size: 2 ** 40 };
    const header = {
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 8_192, 8_192], parameters }],
    };
    expect((await inferBytes("grid", { header })).status).toBe(400);
  }
  expect(residentBytes(house.pid) - before).toBeLessThan(128 * 1024 * 1024);
});

test("ends well", () => house.endsWell());
