// Goal: every form of the simple dialect gets an answer of the documented shape, and equals what
// scikit-learn answered; every wrong body gets a 4xx that says what to change, on every route.
// Method: the built server with the five demo models; answers compared with models/*/samples.jsonl.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, get, post, root, startBuilt } from "../support/built-server.ts";

let server: BuiltServer;

beforeAll(async () => {
  server = await startBuilt([join(root, "models")]);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

interface SampleTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

interface Sample {
  readonly inputs: readonly SampleTensor[];
  readonly outputs: readonly SampleTensor[];
}

function samplesOf(model: string): Sample[] {
  const path = join(root, "models", model, "1.0.0/samples.jsonl");
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Sample);
}

function rowsOf(tensor: SampleTensor): (number | string)[][] {
  const items = tensor.shape[0] ?? 1;
  const width = tensor.data.length / items;
  return Array.from({ length: items }, (_, row) =>
    tensor.data.slice(row * width, (row + 1) * width),
  );
}

interface Reply {
  readonly prediction: number | string;
  readonly predictions: (number | string)[];
  readonly probability: number | number[];
  readonly probabilities: number[][];
  readonly sentiment: string;
  readonly confidence: number;
}

function expectClose(got: readonly number[], wanted: readonly (number | string)[]): void {
  expect(got.length).toBe(wanted.length);
  for (const [index, value] of wanted.entries()) {
    expect(Math.abs((got[index] ?? Number.NaN) - Number(value))).toBeLessThanOrEqual(1e-5);
  }
}

const names = {
  model_name: expect.any(String),
  model_version: "1.0.0",
  version: "1.0.0",
  latency_ms: expect.any(Number),
};

describe.each(["churn", "wafer", "digits", "trees"])("the model %s", (model) => {
  test("answers rows as scikit-learn does, in every form that takes rows", async () => {
    for (const sample of samplesOf(model)) {
      const input = sample.inputs[0] as SampleTensor;
      const [labels, scores] = sample.outputs as [SampleTensor, SampleTensor];
      const rows = rowsOf(input);
      const wanted = rowsOf(scores);
      const url = `${server.url}/predict?model=${model}`;
      const instances = (await post(url, { instances: rows })).body as Reply;
      expect(instances.predictions).toEqual(labels.data);
      for (const [row, each] of wanted.entries())
        expectClose(instances.probabilities[row] ?? [], each);
      const call = (await post(`${server.url}/predict`, { model_name: model, input_data: rows }))
        .body as Reply;
      expect(call.predictions).toEqual(labels.data.map((label) => [label]));
      const one = (await post(url, { features: rows[0] })).body as Reply;
      expect(one.prediction).toBe(labels.data[0]);
      const batch = (await post(`${server.url}/batch_predict?model=${model}`, { instances: rows }))
        .body as Reply;
      expect(batch.predictions).toEqual(labels.data);
    }
  });
});

test("A: a model call", async () => {
  const body = { model_name: "churn", model_version: "1.0.0", input_data: [[45, 12, 79.5, 954]] };
  const reply = await post(`${server.url}/predict`, { ...body, batch_id: "night-7" });
  expect(reply.status).toBe(200);
  expect(reply.body).toEqual({
    predictions: [[1]],
    probabilities: [[expect.any(Number), expect.any(Number)]],
    inference_time_ms: expect.any(Number),
    batch_id: "night-7",
    ...names,
  });
  const bare = await post(`${server.url}/predict`, body);
  expect(bare.body).toMatchObject({ batch_id: null });
});

test("B: instances as lists and as objects", async () => {
  const rows = [
    [45, 12, 79.5, 954],
    { age: 67, tenure: 60, monthly_charges: 34.25, total_charges: 2055 },
  ];
  const reply = await post(`${server.url}/predict?model=churn`, { instances: rows });
  expect(reply.body).toEqual({
    predictions: [1, 0],
    probabilities: [expect.any(Array), expect.any(Array)],
    ...names,
  });
});

test("C: a text", async () => {
  const reply = await post(`${server.url}/predict`, {
    model_name: "sentiment",
    text: "  What a WONDERFUL little phone, I love it!  ",
  });
  expect(reply.body).toEqual({
    sentiment: "positive",
    confidence: expect.any(Number),
    probabilities: [expect.any(Number), expect.any(Number)],
    ...names,
  });
});

test("D: a list of features answers one probability", async () => {
  const reply = await post(`${server.url}/predict?model=churn`, { features: [45, 12, 79.5, 954] });
  expect(reply.body).toEqual({
    prediction: 1,
    probability: expect.any(Number),
    probabilities: [expect.any(Number), expect.any(Number)],
    ...names,
  });
  const { probability, probabilities } = reply.body as {
    probability: number;
    probabilities: number[];
  };
  expect(probability).toBe(probabilities[1]);
});

test("E and F: named features and bare fields answer all probabilities", async () => {
  const fields = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };
  for (const body of [{ features: fields }, fields]) {
    const reply = await post(`${server.url}/predict`, body, { "x-model": "churn" });
    expect(reply.body).toEqual({
      prediction: 1,
      probability: [expect.any(Number), expect.any(Number)],
      probabilities: [expect.any(Number), expect.any(Number)],
      ...names,
    });
  }
});

test("a list of calls goes on after a failing one, and can leave it out", async () => {
  const calls = [
    { model_name: "churn", input_data: [[45, 12, 79.5, 954]], batch_id: "a" },
    { model_name: "nobody", input_data: [[1]], batch_id: "b" },
    { model_name: "wafer", input_data: [[1, 2]], batch_id: "c" },
    7,
  ];
  const reply = await post(`${server.url}/batch_predict`, calls);
  expect(reply.status).toBe(200);
  expect(reply.headers.get("x-items-failed")).toBe("3");
  expect(reply.body).toMatchObject([
    { predictions: [[1]], batch_id: "a" },
    { code: "MODEL_NOT_FOUND", model_name: "nobody", batch_id: "b" },
    { code: "INVALID_INPUT", model_name: "wafer", batch_id: "c" },
    { code: "INVALID_INPUT" },
  ]);
  const kept = await post(`${server.url}/batch_predict?on_error=skip`, calls);
  expect(kept.body).toHaveLength(1);
});

test("a batch with bad rows answers null for them and says why", async () => {
  const rows = [
    [45, 12, 79.5, 954],
    [45, 12],
    [-3, 12, 79.5, 954],
    [67, 60, 34.25, 2055],
  ];
  const reply = await post(`${server.url}/batch_predict?model=churn`, { instances: rows });
  expect(reply.headers.get("x-items-failed")).toBe("2");
  expect(reply.body).toMatchObject({
    predictions: [1, null, null, 0],
    probabilities: [expect.any(Array), null, null, expect.any(Array)],
    errors: [
      { index: 1, code: "INVALID_INPUT" },
      { index: 2, code: "INVALID_INPUT", error: expect.stringContaining("age") },
    ],
  });
  const texts = await post(`${server.url}/batch_predict?model=sentiment`, {
    texts: ["love it", ""],
  });
  expect(texts.body).toMatchObject({
    predictions: [{ sentiment: "positive", confidence: expect.any(Number) }, null],
    errors: [{ index: 1 }],
  });
});

test("a stream gives a line for each row, with its index and its progress", async () => {
  const texts = ["love it", "", "broken and late"];
  const reply = await post(`${server.url}/predict/stream?model=sentiment&progress=1`, { texts });
  expect(reply.headers.get("content-type")).toBe("application/x-ndjson");
  const lines = reply.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { index: number });
  const items = lines.filter((line) => "index" in line).sort((a, b) => a.index - b.index);
  expect(items).toMatchObject([
    { index: 0, text: "love it", prediction: "positive" },
    { index: 1, code: "INVALID_INPUT" },
    { index: 2, text: "broken and late", prediction: "negative" },
  ]);
  expect(lines.at(-1)).toEqual({ progress: { done: 3, failed: 1, total: 3 } });
  const rows = Array.from({ length: 500 }, (_, index) => [20 + (index % 60), 12, 79.5, 954]);
  const many = await post(`${server.url}/predict/stream?model=churn`, { instances: rows });
  const indexes = many.text
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { index: number }).index);
  expect(new Set(indexes).size).toBe(500);
});

test("rows whose scores are not JSON fail alone, and the server goes on", async () => {
  const rows = Array.from({ length: 200 }, (_, row) => Array(64).fill(row % 50 === 40 ? 3e38 : 0));
  const batch = await post(`${server.url}/batch_predict?model=digits`, { instances: rows });
  expect([batch.status, batch.headers.get("x-items-failed")]).toEqual([200, "4"]);
  expect(batch.body).toMatchObject({
    errors: [40, 90, 140, 190].map((index) => ({ index, code: "OUTPUT_NOT_REPRESENTABLE" })),
  });
  const streamed = await post(`${server.url}/predict/stream?model=digits`, { instances: rows });
  const lines = streamed.text.trim().split("\n");
  expect(lines.length).toBe(200);
  expect(lines.filter((line) => line.includes("OUTPUT_NOT_REPRESENTABLE")).length).toBe(4);
  expect((await get(`${server.url}/health/ready`)).status).toBe(200);
});

test("models, their details and their figures", async () => {
  expect((await get(`${server.url}/models`)).body).toEqual({
    churn: ["1.0.0"],
    digits: ["1.0.0"],
    sentiment: ["1.0.0"],
    trees: ["1.0.0"],
    wafer: ["1.0.0"],
  });
  expect((await get(`${server.url}/models/churn`)).body).toMatchObject({
    name: "churn",
    ready: true,
    inputs: [{ name: "features", columns: [{ name: "age", min: 0, max: 120 }, {}, {}, {}] }],
  });
  expect((await get(`${server.url}/models/churn/metrics`)).body).toMatchObject({
    metrics: {
      model_name: "churn",
      version: "1.0.0",
      is_loaded: true,
      load_time: expect.any(Number),
      inference_count: expect.any(Number),
      average_latency_ms: expect.any(Number),
      total_inference_time: expect.any(Number),
      p50: expect.any(Number),
      p95: expect.any(Number),
      p99: expect.any(Number),
      mean: expect.any(Number),
      max: expect.any(Number),
    },
  });
  expect((await get(`${server.url}/models/nobody/metrics`)).status).toBe(404);
});

test("health, liveness, readiness and metrics", async () => {
  expect((await get(`${server.url}/health/live`)).body).toEqual({ status: "alive" });
  expect((await get(`${server.url}/health/ready`)).body).toEqual({ status: "ready" });
  const health = { status: "healthy", timestamp: expect.any(Number), model_loaded: true };
  expect((await get(`${server.url}/health`)).body).toEqual(health);
  expect((await get(`${server.url}/health?deep=1`)).body).toEqual(health);
  const text = (await get(`${server.url}/metrics`)).text;
  expect(text).toContain('prediction_total{model="churn",model_version="1.0.0",status="success"}');
  const figures = await get(`${server.url}/metrics`, { accept: "application/json" });
  expect(Object.keys(figures.body as object)).toEqual(["p50", "p95", "p99", "mean", "max"]);
});

// The six wrong bodies that other servers answer with a 500 or with a wrong prediction.
const six = {
  "malformed JSON": '{"features":[45,12,79.5,954',
  "field missing": '{"age":45,"tenure":12,"total_charges":1}',
  "three features of four": '{"features":[45,12,79.5]}',
  "a string": '{"features":[45,"12",79.5,954]}',
  null: '{"features":[45,null,79.5,954]}',
  NaN: '{"features":[45,NaN,79.5,954]}',
};

test.each(Object.entries(six))(
  "%s is refused with what to change, on every route",
  async (_, body) => {
    const rows = body.replace('"features":', '"instances":[').replace(/\]\}$/, "]]}");
    const routes: [string, string][] = [
      ["/predict?model=churn", body],
      ["/predict?model=churn", rows],
      [
        "/predict?model=churn",
        body.replace('"features":[', '"input_data":[[').replace(/\]\}$/, "]]}"),
      ],
    ];
    const seen: unknown[] = [];
    for (const [route, text] of routes) {
      const reply = await post(server.url + route, text);
      expect(reply.status).toBe(400);
      const { request_id, ...said } = reply.body as { request_id: string; error: string };
      expect(request_id).toMatch(/^[\w.-]+$/);
      expect(said.error.length).toBeGreaterThan(10);
      seen.push(said);
    }
    expect(seen).toMatchSnapshot();
  },
);

test("one bad request leaves its neighbours in the batch alone", async () => {
  const good = { features: [45, 12, 79.5, 954] };
  const bodies = Array.from({ length: 60 }, (_, index) =>
    index % 7 === 0 ? { features: [1] } : good,
  );
  const replies = await Promise.all(
    bodies.map((body) => post(`${server.url}/predict?model=churn`, body)),
  );
  for (const [index, reply] of replies.entries())
    expect(reply.status).toBe(index % 7 === 0 ? 400 : 200);
});

test("names that are not there are 404, an unknown route and verb say so", async () => {
  const body = { features: [45, 12, 79.5, 954] };
  expect((await post(`${server.url}/predict?model=nobody`, body)).status).toBe(404);
  expect(
    (await post(`${server.url}/predict?model=churn&model_version=9`, body)).body,
  ).toMatchObject({
    code: "VERSION_NOT_FOUND",
    error: "model 'churn' has no version '9': it has 1.0.0",
  });
  expect((await post(`${server.url}/predict`, body)).body).toMatchObject({
    code: "INVALID_REQUEST",
  });
  expect((await get(`${server.url}/nothing`)).body).toMatchObject({ code: "NOT_FOUND" });
  const wrongVerb = await get(`${server.url}/predict`);
  expect([wrongVerb.status, wrongVerb.headers.get("allow")]).toEqual([405, "POST"]);
});
