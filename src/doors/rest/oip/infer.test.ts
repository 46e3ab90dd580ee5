// Goal: inference over HTTP takes and gives every tensor exactly, as JSON and as bytes, and refuses
// what does not fit with the field's name. Method: a door over models in memory that answer their
// inputs, asked through a plain HTTP client.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  type MemoryModel,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import type { InferenceRequest, RequestContext } from "../../../predict/index.ts";
import { makeTensor, type Tensor } from "../../../tensor/index.ts";

const rows = inputSpec({ name: "x", dtype: "FP32", shape: [-1, 4] });

/** Answers its inputs under the names of its outputs. */
function echo(request: InferenceRequest, places: readonly number[]): readonly Tensor[] {
  const wanted = request.outputs ?? places;
  return wanted.map((index) => request.inputs[index] as Tensor);
}

let lastContext: RequestContext | undefined;
let lastInput: Tensor | undefined;
let runs = 0;

const models: readonly MemoryModel[] = [
  {
    name: "echo",
    inputs: [rows],
    outputs: [
      outputSpec(
        { name: "y", dtype: "FP32", shape: [-1, 4] },
        { role: "probability", labels: ["a", "b", 3n, "d"] },
      ),
    ],
    run(request, context) {
      lastContext = context;
      lastInput = request.inputs[0];
      runs += 1;
      return echo(request, [0]);
    },
  },
  {
    name: "two",
    inputs: [
      inputSpec({ name: "ids", dtype: "INT64", shape: [-1] }),
      inputSpec({ name: "text", dtype: "BYTES", shape: [-1] }, { steps: ["trim", "lowercase"] }),
      inputSpec({ name: "half", dtype: "FP16", shape: [-1, 2] }, { isOptional: true }),
    ],
    outputs: [
      outputSpec({ name: "ids_out", dtype: "INT64", shape: [-1] }),
      outputSpec({ name: "text_out", dtype: "BYTES", shape: [-1] }),
    ],
    run: (request) => echo(request, [0, 1]),
  },
  {
    name: "image",
    inputs: [inputSpec({ name: "file", dtype: "BYTES", shape: [-1, 1] })],
    outputs: [outputSpec({ name: "file_out", dtype: "BYTES", shape: [-1, 1] })],
    run: (request) => echo(request, [0]),
  },
  {
    name: "odd",
    inputs: [inputSpec({ name: "x", dtype: "FP64", shape: [-1] })],
    outputs: [outputSpec({ name: "y", dtype: "FP64", shape: [-1] })],
    layout: { kind: "none", reason: "a test" },
    run: (request) => echo(request, [0]),
  },
  {
    name: "wild",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1] })],
    outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, -1] })],
    run: () => [makeTensor("FP32", [1, 2], new Float32Array([1, Number.NaN]))],
  },
];

let rig: RestRig;

beforeAll(async () => {
  rig = await openRestRig(models, { jsonInlineBytesMax: 256 * 1024, deadlineMsMax: 10_000 });
});
afterAll(() => rig.close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly body: Record<string, unknown>;
}

type Headed = Record<string, string>;

async function ask(path: string, body: string | Buffer, headers: Headed = {}): Promise<Answer> {
  const sent = { "accept-encoding": "identity", ...headers };
  // Bytes, because a text would be sent as text/plain.
  const given = new Uint8Array(Buffer.from(body));
  const response = await fetch(rig.url + path, { method: "POST", body: given, headers: sent });
  const bytes = Buffer.from(await response.arrayBuffer());
  const length = Number(response.headers.get("inference-header-content-length") ?? bytes.length);
  const text = bytes.subarray(0, length).toString();
  const parsed = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, headers: response.headers, bytes, body: parsed };
}

const x = { name: "x", datatype: "FP32", shape: [1, 4], data: [1, 2.5, -3, 4] };

function infer(body: object, headers: Headed = {}): Promise<Answer> {
  return ask("/v2/models/echo/infer", JSON.stringify(body), headers);
}

/** A body of JSON and raw tensors, and its header. */
function binaryBody(header: object, parts: readonly Uint8Array[]): [Buffer, Headed] {
  const json = Buffer.from(JSON.stringify(header));
  const headers = { "inference-header-content-length": String(json.length) };
  return [Buffer.concat([json, ...parts]), headers];
}

const floats = (...values: number[]): Buffer => Buffer.from(new Float32Array(values).buffer);
const binary = { name: "x", datatype: "FP32", shape: [1, 4], parameters: { binary_data_size: 16 } };

test("answers JSON with JSON, echoes the id and says where the time went", async () => {
  const { status, headers, body } = await infer({ id: "42", inputs: [x] });
  expect(status).toBe(200);
  expect(body).toEqual({
    model_name: "echo",
    model_version: "1.0.0",
    id: "42",
    outputs: [{ name: "y", datatype: "FP32", shape: [1, 4], data: [1, 2.5, -3, 4] }],
  });
  expect(headers.get("content-type")).toBe("application/json");
  expect(headers.get("server-timing")).toContain("total;dur=");
  expect(headers.get("inference-header-content-length")).toBeNull();
  const named = await ask("/v2/models/echo/versions/1.0.0/infer", JSON.stringify({ inputs: [x] }));
  expect(named.body["id"]).toBeUndefined();
  expect(named.status).toBe(200);
});

test("binary in and out, by output and for the whole request", async () => {
  const [bytes, headers] = binaryBody(
    { inputs: [binary], outputs: [{ name: "y", parameters: { binary_data: true } }] },
    [floats(1, 2, 3, 4)],
  );
  const byOutput = await ask("/v2/models/echo/infer", bytes, headers);
  expect(byOutput.headers.get("content-type")).toBe("application/octet-stream");
  const length = Number(byOutput.headers.get("inference-header-content-length"));
  expect(byOutput.bytes.subarray(length)).toEqual(floats(1, 2, 3, 4));
  expect(byOutput.body["outputs"]).toEqual([
    { name: "y", datatype: "FP32", shape: [1, 4], parameters: { binary_data_size: 16 } },
  ]);
  const whole = await infer({ inputs: [x], parameters: { binary_data_output: true } });
  expect(whole.bytes.subarray(-16)).toEqual(floats(1, 2.5, -3, 4));
  const mixed = await infer({
    inputs: [x],
    parameters: { binary_data_output: true },
    outputs: [{ name: "y", parameters: { binary_data: false } }],
  });
  expect(mixed.headers.get("content-type")).toBe("application/json");
});

test("a large binary body is not copied: its tensor is a view, aligned", async () => {
  for (const id of ["", "1", "12", "123"]) {
    const shape = [8_000, 4];
    const part = new Float32Array(32_000).fill(1.5);
    const input = { ...binary, shape, parameters: { binary_data_size: part.byteLength } };
    const output = { name: "y", parameters: { binary_data: true } };
    const header = { id, inputs: [input], outputs: [output] };
    const [bytes, headers] = binaryBody(header, [new Uint8Array(part.buffer)]);
    const answer = await ask("/v2/models/echo/infer", bytes, headers);
    expect(answer.status).toBe(200);
    expect(answer.bytes.subarray(-part.byteLength)).toEqual(Buffer.from(part.buffer));
    const elements = lastInput?.elements as Float32Array;
    expect(elements.byteOffset).toBeGreaterThan(0);
    expect(elements.buffer.byteLength).toBeGreaterThanOrEqual(bytes.length);
  }
});

test("JSON and binary inputs mix, and outputs come in the order asked", async () => {
  const text = Buffer.from("\u0006\0\0\0 Hello\u0001\0\0\0!");
  const [bytes, headers] = binaryBody(
    {
      inputs: [
        { name: "text", datatype: "BYTES", shape: [2], parameters: { binary_data_size: 15 } },
        { name: "ids", datatype: "INT64", shape: [2], data: ["x", 1] },
        {
          name: "half",
          datatype: "FP16",
          shape: [2, 2],
          parameters: { binary_data_size: 8 },
        },
      ],
      outputs: [{ name: "text_out" }, { name: "ids_out", parameters: { binary_data: true } }],
    },
    [text, Buffer.alloc(8)],
  );
  const exact = bytes.toString("latin1").replace('["x",1]', "[9007199254740993,1]");
  const grown = Buffer.from(exact, "latin1");
  const length = Number(headers["inference-header-content-length"]) + grown.length - bytes.length;
  const answer = await ask("/v2/models/two/infer", grown, {
    "inference-header-content-length": String(length),
  });
  expect(answer.body["outputs"]).toEqual([
    { name: "text_out", datatype: "BYTES", shape: [2], data: ["hello", "!"] },
    { name: "ids_out", datatype: "INT64", shape: [2], parameters: { binary_data_size: 16 } },
  ]);
  expect(answer.bytes.readBigInt64LE(answer.bytes.length - 16)).toBe(9007199254740993n);
});

test("a raw request is the only input's bytes", async () => {
  const raw = { "inference-header-content-length": "0" };
  const numbers = await ask("/v2/models/echo/infer", floats(1, 2, 3, 4), raw);
  expect(numbers.bytes.subarray(-16)).toEqual(floats(1, 2, 3, 4));
  const file = await ask("/v2/models/image/infer", Buffer.from("JFIF"), raw);
  expect(file.bytes.subarray(-8).toString("latin1")).toBe("\u0004\0\0\0JFIF");
  const free = await ask("/v2/models/odd/infer", Buffer.alloc(24), raw);
  expect(free.body["outputs"]).toMatchObject([{ shape: [3] }]);
  const wrong = await ask("/v2/models/echo/infer", floats(1, 2, 3), raw);
  expect(wrong.body["error"]).toContain("12 bytes, expected 16");
  const many = await ask("/v2/models/two/infer", floats(1), raw);
  expect(many.body["error"]).toContain("3 inputs, expected 1");
});

test("a header that lies about the body is refused", async () => {
  const header = { inputs: [binary] };
  const cases: [object, number, (length: number) => string][] = [
    [header, 16, (length) => String(length + 17)],
    [header, 16, () => "-1"],
    [header, 16, () => "1e1"],
    [header, 15, String],
    [header, 17, String],
    [header, 16, (length) => String(length - 1)],
  ];
  const errors: unknown[] = [];
  for (const [json, size, lengthOf] of cases) {
    const [bytes, headers] = binaryBody(json, [Buffer.alloc(size)]);
    const length = lengthOf(Number(headers["inference-header-content-length"]));
    const sent = { "inference-header-content-length": length };
    const { status, body } = await ask("/v2/models/echo/infer", bytes, sent);
    expect(status).toBe(400);
    errors.push(body["error"]);
  }
  const type = { "content-type": "application/octet-stream" };
  const without = await ask("/v2/models/echo/infer", JSON.stringify({ inputs: [binary] }), type);
  errors.push(without.body["error"]);
  errors.push((await infer({ inputs: [binary] })).body["error"]);
  expect(errors).toMatchSnapshot();
});

test("classification answers the best classes with their labels", async () => {
  const classes = (k: number): object => ({
    inputs: [{ ...x, shape: [2, 4], data: [0.1, 0.7, 0.2, 0.7, -1, 5, 3, 4] }],
    outputs: [{ name: "y", parameters: { classification: k } }],
  });
  expect((await infer(classes(2))).body["outputs"]).toEqual([
    {
      name: "y",
      datatype: "BYTES",
      shape: [2, 2],
      data: ["0.700000:1:b", "0.700000:3:d", "5.000000:1:b", "4.000000:3:d"],
    },
  ]);
  expect((await infer(classes(9))).body["outputs"]).toMatchObject([{ shape: [2, 4] }]);
  const text = {
    inputs: [
      { name: "ids", datatype: "INT64", shape: [1], data: [7] },
      { name: "text", datatype: "BYTES", shape: [1], data: ["a"] },
    ],
    outputs: [{ name: "ids_out", parameters: { classification: 1 } }],
  };
  const whole = await ask("/v2/models/two/infer", JSON.stringify(text));
  expect(whole.body["outputs"]).toMatchObject([{ shape: [1, 1], data: ["7:0"] }]);
  text.outputs = [{ name: "text_out", parameters: { classification: 1 } }];
  const none = await ask("/v2/models/two/infer", JSON.stringify(text));
  expect(none.status).toBe(400);
});

test("bodies travel deflated both ways, and what varies says so", async () => {
  const large = { ...x, shape: [500, 4], data: new Array(2_000).fill(0.5) };
  const json = JSON.stringify({ inputs: [large] });
  for (const [encoding, body] of [
    ["gzip", gzipSync(json)],
    ["deflate", deflateSync(json)],
  ] as const) {
    const answer = await ask("/v2/models/echo/infer", body, { "content-encoding": encoding });
    expect(answer.body["outputs"]).toMatchObject([{ data: large.data }]);
    expect(answer.headers.get("vary")).toBe("accept-encoding");
  }
  const packed = await rawGet("/v2/models/echo/infer", json, { "accept-encoding": "gzip" });
  expect(packed.headers["content-encoding"]).toBe("gzip");
  expect(JSON.parse(gunzipSync(packed.bytes).toString()).outputs[0].data).toEqual(large.data);
  const small = await rawGet("/v2/models/echo/infer", JSON.stringify({ inputs: [x] }), {
    "accept-encoding": "gzip",
  });
  expect(small.headers["content-encoding"]).toBeUndefined();
  const [bytes, headers] = binaryBody({ inputs: [binary] }, [floats(1, 2, 3, 4)]);
  const both = await ask("/v2/models/echo/infer", gzipSync(bytes), {
    ...headers,
    "content-encoding": "gzip",
  });
  expect(both.body["outputs"]).toMatchObject([{ data: [1, 2, 3, 4] }]);
  const other = await ask("/v2/models/echo/infer", json, { "content-encoding": "br" });
  expect(other.status).toBe(415);
});

/** Asks with `node:http`, which inflates nothing. */
async function rawGet(
  path: string,
  body: string,
  headers: Headed,
): Promise<{ headers: Record<string, unknown>; bytes: Buffer }> {
  const { request } = await import("node:http");
  return await new Promise((resolve, reject) => {
    const sent = request(rig.url + path, { method: "POST", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ headers: response.headers, bytes: Buffer.concat(chunks) }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

test("bodies over the inline limit are read and written in a thread, exactly", async () => {
  const values = Array.from({ length: 80_000 }, (_, index) => Math.fround(index / 7));
  const large = { ...x, shape: [20_000, 4], data: values };
  const before = rig.service.metrics.http.jsonOffloaded;
  const answer = await infer({ id: "big", inputs: [large] });
  expect(answer.status).toBe(400);
  expect(answer.body["error"]).toContain("requestItemsMax");
  const fitting = { ...x, shape: [10_000, 4], data: values.slice(0, 40_000) };
  const good = await infer({ id: "big", inputs: [fitting] });
  expect(good.body["id"]).toBe("big");
  const [output] = good.body["outputs"] as { data: number[] }[];
  expect(output?.data.map(Math.fround)).toEqual(fitting.data);
  const odd = { name: "x", datatype: "FP64", shape: [80_000], data: values };
  const wide = await ask("/v2/models/odd/infer", JSON.stringify({ inputs: [odd] }));
  const [doubles] = wide.body["outputs"] as { data: number[] }[];
  expect(doubles?.data).toEqual(values);
  const broken = JSON.stringify({ inputs: [fitting] }).replace("0.14285714", '"0.14"');
  const refused = await ask("/v2/models/echo/infer", broken);
  expect(refused.status).toBe(400);
  expect(refused.body["field"]).toBe("inputs[0].data[1]");
  expect(rig.service.metrics.http.jsonOffloaded - before).toBe(4);
});

test("what does not fit the model is a 4xx that names the field", async () => {
  const wrong: object[] = [
    {},
    { features: [1, 2, 3, 4] },
    { inputs: [] },
    { inputs: [{ ...x, name: "z" }] },
    { inputs: [x, x] },
    { inputs: [{ ...x, datatype: "FP64" }] },
    { inputs: [{ ...x, shape: [4] }] },
    { inputs: [{ ...x, shape: [2, 2] }] },
    { inputs: [{ ...x, data: [1, 2, 3] }] },
    { inputs: [{ ...x, data: [1, 2, null, 4] }] },
    { inputs: [x], outputs: [{ name: "z" }] },
    { inputs: [x], outputs: [{ name: "y" }, { name: "y" }] },
    { inputs: [x], parameters: { triton_x: 1 } },
  ];
  const seen: unknown[] = [];
  for (const each of wrong) {
    const { status, body } = await infer(each);
    expect(body["request_id"]).toBeTypeOf("string");
    seen.push([status, body["code"], body["field"], body["error"]]);
  }
  expect(seen).toMatchSnapshot();
  const nan = await ask(
    "/v2/models/wild/infer",
    JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1] }] }),
  );
  expect([nan.status, nan.headers.get("x-error-code")]).toEqual([406, "OUTPUT_NOT_REPRESENTABLE"]);
});

test("no items never reach the model: empty outputs where their shape is known", async () => {
  const before = runs;
  const empty = await infer({ inputs: [{ ...x, shape: [0, 4], data: [] }] });
  expect(empty.body["outputs"]).toEqual([{ name: "y", datatype: "FP32", shape: [0, 4], data: [] }]);
  expect(runs).toBe(before);
  const unknown = await ask(
    "/v2/models/wild/infer",
    JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [0], data: [] }] }),
  );
  expect(unknown.status).toBe(400);
});

test("timeout and priority of the request bound it; the smallest time wins", async () => {
  const leftMs = (): number =>
    Math.round((lastContext?.deadlineAtMs ?? 0) - (lastContext?.times.arrivedAtMs ?? 0));
  const timed = (parameters: object, headers: Headed = {}): Promise<Answer> =>
    infer({ inputs: [x], parameters }, headers);
  await timed({ timeout: 2_000_000, priority: 3, content_type: "pd" });
  expect([leftMs(), lastContext?.priority]).toEqual([2_000, 3]);
  await timed({ timeout: 2_000_000 }, { "x-request-timeout-ms": "500" });
  expect(leftMs()).toBe(500);
  await timed({ timeout: 100_000 }, { "x-request-timeout-ms": "500" });
  expect(leftMs()).toBe(100);
  await timed({ timeout: 9e15 });
  expect(leftMs()).toBe(10_000);
  await timed({});
  expect(leftMs()).toBe(60_000);
});

test("counts requests and items on the version, refused ones too", async () => {
  const { metrics } = rig.service;
  const model = metrics.of("echo", "1.0.0");
  const before = { items: model.items, errors: model.requests.errors };
  await infer({ inputs: [{ ...x, shape: [2, 4], data: new Array(8).fill(1) }] });
  await infer({ inputs: [] });
  expect(model.items - before.items).toBe(2);
  expect(model.requests.errors - before.errors).toBe(1);
  expect(model.inFlight).toBe(0);
});

const folder = process.env["MILLRACE_FIXTURES"] ?? join(process.cwd(), "../shared/fixtures");
const golden = join(folder, "data/oip-requests");

test.skipIf(!existsSync(golden))("reads the requests that other servers test with", async () => {
  const seen: Record<string, unknown> = {};
  for (const file of readdirSync(golden).sort()) {
    const answer = await ask("/v2/models/echo/infer", readFileSync(join(golden, file)));
    expect(answer.status).toBe(400);
    seen[file] = answer.body["error"];
  }
  // None is for this model: each must be read up to the name of its first input, or be no request.
  const accepted = Object.entries(seen).filter(([, error]) => String(error).includes("no input"));
  expect(accepted.map(([file]) => file)).toEqual([
    "kserve-bert_sequence_classification_v2.json",
    "kserve-iris_input_v2.json",
    "kserve-iris_input_v2_all_binary.json",
    "kserve-iris_input_v2_binary.json",
    "kserve-mlflow_input_v2.json",
    "kserve-pmml-input-v2.json",
    "kserve-sklearn_mixed_v2.json",
    "kserve-text_embedding_input_v2.json",
    "mlserver-inference-request-with-output.json",
    "mlserver-inference-request.json",
  ]);
});
