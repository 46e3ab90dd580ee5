// Goal: SageMaker, MLflow and Vertex find what they send read and what they read written, and every
// refusal says what was wrong. Method: a door over models in memory, bodies of every type.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { ByteStrings, makeTensor, type Tensor } from "../../../tensor/index.ts";

let rig: RestRig;

type Given = { readonly inputs: readonly (Tensor | undefined)[] };

const columns = [
  { name: "age", dtype: "FP32", min: 0, max: 120, default: undefined },
  { name: "tenure", dtype: "FP32", min: undefined, max: undefined, default: 7 },
] as const;

const churn = {
  name: "churn",
  inputs: [inputSpec({ name: "features", dtype: "FP32", shape: [-1, 2] }, { columns })],
  outputs: [
    outputSpec({ name: "label", dtype: "INT64", shape: [-1] }, { role: "prediction" }),
    outputSpec({ name: "scores", dtype: "FP32", shape: [-1, 2] }, { role: "probability" }),
  ],
  run({ inputs }: Given) {
    const features = inputs[0] as Tensor;
    const items = features.shape[0] ?? 0;
    const ages = Array.from({ length: items }, (_, row) => Number(features.elements.at(2 * row)));
    const label = BigInt64Array.from(ages, (age) => BigInt(age) + 2n ** 60n);
    return [makeTensor("INT64", [items], label), features];
  },
};

const words = {
  name: "words",
  inputs: [inputSpec({ name: "text", dtype: "BYTES", shape: [-1] })],
  outputs: [outputSpec({ name: "echo", dtype: "BYTES", shape: [-1] }, { role: "prediction" })],
  run: ({ inputs }: Given) => [inputs[0] as Tensor],
};

const raw = {
  name: "raw",
  inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] })],
  outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 2] })],
  run: ({ inputs }: Given) => [inputs[0] as Tensor],
};

const fixed = {
  name: "fixed",
  inputs: [],
  outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [2] })],
  layout: { kind: "none", reason: "the model takes no input" },
  run: () => [makeTensor("FP32", [2], Float32Array.of(1, 2))],
} as const;

const pair = {
  name: "pair",
  inputs: [
    inputSpec({ name: "n", dtype: "INT64", shape: [-1] }),
    inputSpec({ name: "s", dtype: "BYTES", shape: [-1] }),
  ],
  outputs: [outputSpec({ name: "s", dtype: "BYTES", shape: [-1] })],
  run({ inputs }: Given) {
    const [n, s] = inputs as [Tensor, Tensor & { elements: ByteStrings }];
    const texts = Array.from({ length: s.elements.length }, (_, row) => {
      return `${(n.elements as BigInt64Array)[row]}:${s.elements.textAt(row)}`;
    });
    return [makeTensor("BYTES", s.shape, ByteStrings.fromText(texts))];
  },
};

const image = {
  name: "image",
  inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2, 2] })],
  outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 2, 2] })],
  run: ({ inputs }: Given) => [inputs[0] as Tensor],
};

beforeAll(async () => {
  const vertex = { healthRoute: "/v1/e/1", predictRoute: "/v1/e/1:predict" };
  const limits = { requestItemsMax: 4, jsonInlineBytesMax: 2_000 };
  rig = await openRestRig([churn, words, raw, pair, image, fixed], limits, { vertex });
});
afterAll(() => rig.close());

interface Call {
  readonly type?: string;
  readonly accept?: string;
  readonly model?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(body: string | Buffer, call: Call = {}) {
  const { type = "application/json", accept = "*/*", model = "churn" } = call;
  const reply = await fetch(`${rig.url}${call.path ?? "/invocations"}`, {
    method: "POST",
    headers: { "content-type": type, accept, "x-model": model, ...call.headers },
    body,
  });
  return { status: reply.status, text: await reply.text(), headers: reply.headers };
}

async function answer(body: unknown, call?: Call): Promise<[number, string]> {
  const { status, text } = await send(typeof body === "string" ? body : JSON.stringify(body), call);
  return [status, text];
}

const base = "115292150460684697";
/** The labels of ages 1 and 2. */
const both = [200, `{"predictions":[${base}7,${base}8]}`];

test("reads the bodies of MLflow", async () => {
  expect(
    await answer({
      dataframe_split: {
        columns: ["age", "tenure"],
        data: [
          [1, 3],
          [2, 4],
        ],
      },
    }),
  ).toEqual(both);
  const turned = {
    data: [
      [3, 1],
      [null, 2],
    ],
    index: [0, 1],
    columns: ["tenure", "age"],
  };
  expect(await answer({ dataframe_split: turned })).toEqual(both);
  expect(await answer({ dataframe_records: [{ age: 1 }, { tenure: 1, age: 2 }] })).toEqual(both);
  expect(await answer({ instances: [[1, 0], { age: 2 }], params: { top: 1 } })).toEqual(both);
  expect(
    await answer({
      inputs: [
        [1, 0],
        [2, 0],
      ],
    }),
  ).toEqual(both);
  expect(await answer({ params: null, inputs: { age: [1, 2] } })).toEqual(both);
  const unnamed = { dataframe_split: { columns: [0, 1], data: [[1, 2]] } };
  expect(await answer(unnamed, { model: "raw" })).toEqual([200, '{"predictions":[[1,2]]}']);
});

test("reads tables with and without a line of names", async () => {
  const csv = { type: "text/csv" };
  expect(await answer("1,2\n2,3\n", csv)).toEqual(both);
  expect(await answer('\ufefftenure,"age"\r\n\r\n3,+1.\r\n ,2e0', csv)).toEqual(both);
  expect(await answer("1,.5\n02,-.5e-3", { type: "text/csv; charset=UTF-8" })).toEqual(both);
  const quoted = 'text\n"a, ""b""\nc"\nd\n';
  expect(await answer(quoted, { ...csv, model: "words" })).toEqual([
    200,
    '{"predictions":["a, \\"b\\"\\nc","d"]}',
  ]);
  expect(await answer("s,n\nx,9007199254740993\n", { ...csv, model: "pair" })).toEqual([
    200,
    '{"predictions":["9007199254740993:x"]}',
  ]);
});

test("reads lines of JSON: rows, fields and small bodies", async () => {
  const type = "application/jsonlines";
  expect(await answer('[1, 2]\n\n{"age": 2}\n  \n', { type })).toEqual(both);
  expect(await answer('{"features":[1,2],"id":7}\r\n{"features":{"age":2}}', { type })).toEqual(
    both,
  );
  expect(await answer('{"text":"a\\nb"}\n"c"', { type, model: "words" })).toEqual([
    200,
    '{"predictions":["a\\nb","c"]}',
  ]);
});

test("answers in the form that the caller accepts", async () => {
  const csv = await send("1,2\n2,3", { type: "text/csv", accept: "text/csv" });
  expect([csv.text, csv.headers.get("content-type")]).toEqual([
    `${base}7\n${base}8\n`,
    "text/csv; charset=utf-8",
  ]);
  const lines = await send("[1,2]", {
    type: "application/jsonlines",
    accept: "text/csv;q=0.5, application/jsonlines",
  });
  expect([lines.text, lines.headers.get("content-type")]).toEqual([
    `{"prediction":${base}7,"probability":[1,2]}\n`,
    "application/jsonlines",
  ]);
  const flat = await send("[[1,2]]".replace("[[", '{"instances":[[').concat("}"), {
    model: "raw",
    accept: "text/csv",
  });
  expect(flat.text).toBe("1,2\n");
  const text = await send('{"instances":["a,\\"b\\""]}', { model: "words", accept: "text/csv" });
  expect(text.text).toBe('"a,""b"""\n');
  expect(await answer({ instances: [[1, 2]] }, { accept: "image/png" })).toEqual([
    200,
    `{"predictions":[${base}7]}`,
  ]);
});

test("hands other bodies to their own dialects", async () => {
  const [status, simple] = await answer({ features: [1, 2] });
  expect([status, JSON.parse(simple)]).toMatchObject([
    200,
    { probability: 2, model_name: "churn" },
  ]);
  const tensor = { name: "x", shape: [1, 2], datatype: "FP32", data: [1, 2] };
  const [, oip] = await answer({ id: "i", inputs: [tensor] }, { model: "raw" });
  expect(JSON.parse(oip)).toMatchObject({ id: "i", outputs: [{ name: "y", data: [1, 2] }] });
});

test("reads and writes raw tensors as SageMaker and Vertex announce them", async () => {
  const head = JSON.stringify({
    inputs: [{ name: "x", shape: [1, 2], datatype: "FP32", parameters: { binary_data_size: 8 } }],
    parameters: { binary_data_output: true },
  });
  const body = Buffer.concat([Buffer.from(head), Buffer.from(Float32Array.of(1, 2).buffer)]);
  for (const platform of ["sagemaker", "vertex-ai"]) {
    const type = `application/vnd.${platform}-triton.binary+json;json-header-size=${head.length}`;
    const reply = await fetch(`${rig.url}/invocations`, {
      method: "POST",
      headers: { "content-type": type, "x-model": "raw" },
      body,
    });
    const bytes = Buffer.from(await reply.arrayBuffer());
    const size = Number(reply.headers.get("inference-header-content-length"));
    expect(reply.headers.get("content-type")).toBe(
      `application/vnd.${platform}-triton.binary+json;json-header-size=${size}`,
    );
    expect(bytes.subarray(size)).toEqual(Buffer.from(Float32Array.of(1, 2).buffer));
  }
});

test("echoes the caller's attributes and takes the platform's id", async () => {
  const name = "x-amzn-sagemaker-custom-attributes";
  const headers = { [name]: "trace=1", "x-amzn-sagemaker-inference-id": "i-7" };
  for (const body of ['{"instances":[[1,2]]}', '{"features":[1,2]}', "{"]) {
    const reply = await send(body, { headers });
    expect(reply.headers.get(name)).toBe("trace=1");
    expect(reply.headers.get("x-request-id")).toBe("i-7");
  }
  const long = await send("{}", { headers: { [name]: "x".repeat(1_025) } });
  expect([long.status, JSON.parse(long.text)]).toMatchObject([
    400,
    { error_code: "INVALID_REQUEST" },
  ]);
});

test("answers the model that a multi-model path names", async () => {
  const path = "/models/raw/invoke";
  expect(await answer({ instances: [[1, 2]] }, { path, model: "churn" })).toEqual([
    200,
    '{"predictions":[[1,2]]}',
  ]);
  expect((await answer("{}", { path: "/models/nope/invoke" }))[0]).toBe(404);
  expect((await answer({ instances: [[1, 2]] }, { path: `${path}?model=churn` }))[1]).toBe(
    '{"predictions":[[1,2]]}',
  );
});

test("answers on the routes that Vertex names", async () => {
  const path = "/v1/e/1:predict";
  expect(await answer({ instances: [[1, 2]], parameters: { top: 1 } }, { path })).toEqual([
    200,
    `{"predictions":[${base}7]}`,
  ]);
  const [status, text] = await answer({ instances: 1 }, { path });
  expect([status, JSON.parse(text)]).toMatchObject([400, { code: "INVALID_INPUT" }]);
  const health = await fetch(`${rig.url}/v1/e/1`);
  expect([health.status, await health.json()]).toEqual([200, { status: "Healthy" }]);
});

test("a route of Vertex that is there already stays as it is", async () => {
  const vertex = { healthRoute: "/health", predictRoute: "/predict" };
  const own = await openRestRig([churn], {}, { vertex });
  try {
    const body = JSON.stringify({ instances: [[1, 2]], parameters: {} });
    const headers = { "content-type": "application/json" };
    const reply = await fetch(`${own.url}/predict`, { method: "POST", headers, body });
    expect(await reply.text()).toContain(`{"predictions":[${base}7],`);
    expect(await (await fetch(`${own.url}/health`)).json()).toMatchObject({ status: "healthy" });
  } finally {
    await own.close();
  }
});

test("tells its version and what batch transform may send", async () => {
  expect(await (await fetch(`${rig.url}/version`)).text()).toBe("0.0.1");
  expect(await (await fetch(`${rig.url}/execution-parameters`)).json()).toEqual({
    MaxConcurrentTransforms: 32,
    BatchStrategy: "MULTI_RECORD",
    MaxPayloadInMB: 8,
  });
});

test("reads large bodies of every type in a thread", async () => {
  const before = rig.service.metrics.http.jsonOffloaded;
  const space = " ".repeat(2_000);
  expect(await answer(`{${space}"instances":[[1,2],[2,3]]}`)).toEqual(both);
  expect(await answer(`1,2${space}\n2,3`, { type: "text/csv" })).toEqual(both);
  expect(await answer(`[1,2]${space}\n[2,3]`, { type: "application/jsonl" })).toEqual(both);
  expect(rig.service.metrics.http.jsonOffloaded).toBe(before + 3);
});

const refusals: readonly (readonly [body: string, call?: Call])[] = [
  [""],
  ["[[1,2]]"],
  ["{}"],
  ["{"],
  ['{"instances":[[1,2]],"inputs":[[1,2]]}'],
  ['{"instances":[[1,2]],"params":1}'],
  ['{"instances":[[1,2],[1,2],[1,2],[1,2],[1,2]]}'],
  ['{"instances":[[121,2]]}'],
  ['{"instances":[[NaN,2]]}'],
  ['{"dataframe_split":1}'],
  ['{"dataframe_split":{}}'],
  ['{"dataframe_split":{"data":[[1,2]]}}'],
  ['{"dataframe_split":{"columns":["age","tenor"],"data":[[1,2]]}}'],
  ['{"dataframe_split":{"columns":["age","age"],"data":[[1,2]]}}'],
  ['{"dataframe_split":{"columns":["tenure"],"data":[[1]]}}'],
  ['{"dataframe_split":{"columns":["age","tenure"],"data":[[1]]}}'],
  ['{"dataframe_split":{"columns":["age","tenure"],"data":[[1,2,3]]}}'],
  ['{"dataframe_split":{"columns":["age","tenure"],"data":[["x",1]]}}'],
  ['{"dataframe_split":{"columns":["age","tenure"],"data":[1]}}'],
  ['{"dataframe_split":{"columns":[{}],"data":[[1]]}}'],
  ['{"dataframe_records":[[1]]}'],
  ['{"dataframe_records":[{"tenure":1}]}'],
  ['{"dataframe_records":{}}'],
  ['{"inputs":{"age":[1,2],"tenure":[1]}}'],
  ["1,2", { type: "text/plain" }],
  ["1,2", { type: "text/csv; charset=latin1" }],
  ["", { type: "text/csv" }],
  ["1", { type: "text/csv" }],
  ["1,2,3", { type: "text/csv" }],
  ["a,b\n1,2", { type: "text/csv" }],
  ["1,x", { type: "text/csv" }],
  [",2", { type: "text/csv" }],
  ["NaN,2", { type: "text/csv" }],
  ["121,2", { type: "text/csv" }],
  ['"1,2', { type: "text/csv" }],
  ['"1"2,2', { type: "text/csv" }],
  ["age,age\n1,2", { type: "text/csv" }],
  ["1,2\n1,2\n1,2\n1,2\n1,2", { type: "text/csv" }],
  ["1,2,3,4", { type: "text/csv", model: "image" }],
  ["1.5,x", { type: "text/csv", model: "pair" }],
  ["\n \n", { type: "application/jsonlines" }],
  ["[1,2]\n[1,2", { type: "application/jsonlines" }],
  ["[1,\n2]", { type: "application/jsonlines" }],
  ["[1,2] [1,2]", { type: "application/jsonlines" }],
  ["[1,2],[1,2]", { type: "application/jsonlines" }],
  ['{"instances":[[1,2]]}', { type: "application/jsonlines" }],
  ["[1,2]\n[121,2]", { type: "application/jsonlines" }],
  ["{}", { type: "application/vnd.sagemaker-triton.binary+json" }],
  ["{}", { type: "application/vnd.sagemaker-triton.binary+json;json-header-size=x" }],
  ['{"instances":[[1,2]]}', { model: "nope" }],
];

test("refuses in MLflow's words with the field and what was expected", async () => {
  const answers: Record<string, unknown> = {};
  for (const [body, call] of refusals) {
    const [status, text] = await answer(body, call);
    expect(status, `${body} ${text}`).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    const { error_code, message, ...more } = JSON.parse(text);
    expect(more).toEqual({});
    const key = `${call?.type ?? "JSON"} ${call?.model ?? ""} ${body}`;
    answers[key] = [status, error_code, message];
  }
  expect(answers).toMatchSnapshot();
});

test("counts text against the limit of text, whatever a header says", async () => {
  const own = await openRestRig([churn], { jsonBodyBytesMax: 20 });
  try {
    const body = `1,2\n${"2,3\n".repeat(20)}`;
    const headers = { "content-type": "text/csv", "inference-header-content-length": "5" };
    const reply = await fetch(`${own.url}/invocations`, { method: "POST", headers, body });
    expect([reply.status, await reply.json()]).toMatchObject([
      413,
      { error_code: "PAYLOAD_TOO_LARGE" },
    ]);
  } finally {
    await own.close();
  }
});

test("asks which model is meant when there are several", async () => {
  const headers = { "content-type": "application/json" };
  const body = '{"inputs":[1]}';
  const reply = await fetch(`${rig.url}/invocations`, { method: "POST", headers, body });
  expect([reply.status, await reply.json()]).toMatchObject([
    400,
    { error_code: "INVALID_REQUEST" },
  ]);
});

test("a model without inputs takes tensors of no name", async () => {
  const reply = await fetch(`${rig.url}/invocations?model=fixed`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: {} }),
  });
  expect([reply.status, await reply.json()]).toEqual([200, { predictions: [[1, 2]] }]);
});
