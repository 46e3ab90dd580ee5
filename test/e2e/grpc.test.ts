// Goal: a gRPC caller gets what a REST caller gets, by every service and in every form.
// Method: the built server with the demo models, a foreign client over our proto files.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltServer, get, post, root, startBuilt, until } from "../support/built-server.ts";
import { GrpcClient, type Plain } from "../support/grpc-client.ts";

let server: BuiltServer;
let client: GrpcClient;
const oip = "inference.GRPCInferenceService";
const row = [45, 12, 79.5, 954];

beforeAll(async () => {
  server = await startBuilt([join(root, "models")]);
  client = new GrpcClient(server.grpc);
});

afterAll(async () => {
  client?.close();
  await server?.stop("SIGKILL");
});

function floats(values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

function churnRequest(more: Plain = {}): Plain {
  return {
    model_name: "churn",
    inputs: [{ name: "features", datatype: "FP32", shape: [1, 4] }],
    raw_input_contents: [floats(row)],
    ...more,
  };
}

async function restOutputs(): Promise<unknown> {
  const inputs = [{ name: "features", datatype: "FP32", shape: [1, 4], data: row }];
  const { body } = await post(`${server.url}/v2/models/churn/infer`, { inputs });
  return (body as { outputs: { data: number[] }[] }).outputs;
}

test("raw and typed contents give the answer of REST", async () => {
  const outputs = (await restOutputs()) as { name: string; data: number[] }[];
  const scores = outputs.find((each) => each.name === "probabilities")?.data ?? [];
  const raw = await client.call(`${oip}/ModelInfer`, churnRequest({ id: "seven" }));
  expect(raw).toMatchObject({
    code: 0,
    reply: {
      id: "seven",
      model_name: "churn",
      model_version: "1.0.0",
      outputs: [
        { name: "label", datatype: "INT64", shape: ["1"] },
        { name: "probabilities", datatype: "FP32", shape: ["1", "2"] },
      ],
    },
  });
  const typed = await client.call(`${oip}/ModelInfer`, {
    model_name: "churn",
    inputs: [
      { name: "features", datatype: "FP32", shape: [1, 4], contents: { fp32_contents: row } },
    ],
  });
  for (const end of [raw, typed]) {
    const parts = end.reply["raw_output_contents"] as Buffer[];
    expect(parts[1]).toEqual(floats(scores));
  }
});

test("text travels as bytes, wanted outputs and classes as asked", async () => {
  const { reply } = await client.call(`${oip}/ModelMetadata`, { name: "sentiment" });
  const [input] = reply["inputs"] as { name: string; shape: string[] }[];
  const shape = input?.shape.map((size) => (size === "-1" ? 1 : Number(size)));
  const request = {
    model_name: "sentiment",
    inputs: [
      {
        ...{ name: input?.name, datatype: "BYTES", shape },
        contents: { bytes_contents: [Buffer.from("a wonderful day")] },
      },
    ],
  };
  expect((await client.call(`${oip}/ModelInfer`, request)).code).toBe(0);
  const parameters = { classification: { int64_param: 1 } };
  const best = await client.call(
    `${oip}/ModelInfer`,
    churnRequest({ outputs: [{ name: "probabilities", parameters }] }),
  );
  const [part] = best.reply["raw_output_contents"] as Buffer[];
  expect(best.reply["outputs"]).toMatchObject([{ datatype: "BYTES", shape: ["1", "1"] }]);
  expect(part?.subarray(4).toString()).toMatch(/^0\.\d{6}:[01]/);
});

test("tells what REST tells: metadata, configuration, statistics, index", async () => {
  const { body } = await get(`${server.url}/v2/models/churn`);
  const metadata = await client.call(`${oip}/ModelMetadata`, { name: "churn" });
  const known = body as { inputs: { shape: number[] }[]; versions: string[] };
  expect(metadata.reply).toMatchObject({ versions: known.versions, platform: "onnxruntime_onnx" });
  expect((metadata.reply["inputs"] as { shape: string[] }[])[0]?.shape.map(Number)).toEqual(
    known.inputs[0]?.shape,
  );
  const { reply } = await client.call(`${oip}/ModelConfig`, { name: "churn" });
  expect(reply["config"]).toMatchObject({ name: "churn", backend: "onnxruntime" });
  const stats = await client.call(`${oip}/ModelStatistics`, { name: "churn" });
  const [first] = stats.reply["model_stats"] as { inference_count: string }[];
  expect(Number(first?.inference_count)).toBeGreaterThan(0);
  const index = await client.call(`${oip}/RepositoryIndex`, { ready: true });
  const names = (index.reply["models"] as { name: string }[]).map((each) => each.name);
  expect(names).toContain("churn");
  const ready = await client.call(`${oip}/ModelReady`, { name: "nobody" });
  expect(ready).toMatchObject({ code: 0, reply: { ready: false } });
});

test("what is not offered says so with its own code", async () => {
  const ends = await Promise.all([
    client.call(`${oip}/SystemSharedMemoryRegister`, { name: "x" }),
    client.call(`${oip}/CudaSharedMemoryUnregister`, {}),
    client.call(`${oip}/TraceSetting`, {}),
    client.call(`${oip}/LogSettings`, {}),
    client.call(`${oip}/RepositoryModelLoad`, { model_name: "churn" }),
  ]);
  expect(ends.map(({ code }) => code)).toEqual([12, 12, 12, 12, 7]);
  expect(ends[0]?.details).toContain("shared memory is not supported");
  const status = await client.call(`${oip}/SystemSharedMemoryStatus`, {});
  expect(status).toMatchObject({ code: 0, reply: { regions: {} } });
});

test("an error has its code, its reason and the id of the request", async () => {
  const metadata = { "x-request-id": "mine-7" };
  const end = await client.call(`${oip}/ModelInfer`, { model_name: "nobody" }, { metadata });
  expect(end).toMatchObject({
    code: 5,
    details: "Request for unknown model: 'nobody' is not found",
    trailers: { "x-error-code": "MODEL_NOT_FOUND", "x-request-id": "mine-7" },
  });
  const mixed = churnRequest({
    inputs: [
      { name: "features", datatype: "FP32", shape: [1, 4], contents: { fp32_contents: row } },
    ],
  });
  expect((await client.call(`${oip}/ModelInfer`, mixed)).details).toContain(
    "contents field must not be specified when using raw_input_contents for 'features'",
  );
});

test("a stream answers in order, and goes on after a request that failed", async () => {
  const requests = Array.from({ length: 200 }, (_, index) =>
    churnRequest({ id: String(index), ...(index % 50 === 7 ? { model_name: "nobody" } : {}) }),
  );
  const { replies, code } = await client.exchange(`${oip}/ModelStreamInfer`, requests);
  expect(code).toBe(0);
  const ids = replies.map((each) => (each["infer_response"] as Plain)["id"]);
  expect(ids).toEqual(requests.map((each) => each["id"]));
  const failed = replies.filter((each) => each["error_message"] !== "");
  expect(failed).toHaveLength(4);
  const metadata = { triton_grpc_error: "true" };
  const ended = await client.exchange(`${oip}/ModelStreamInfer`, requests, { metadata });
  expect([ended.code, ended.replies.length]).toEqual([5, 7]);
});

test("the hand-written services answer as their REST forms do", async () => {
  const service = "prediction.PredictionService";
  const metadata = { "x-model": "churn" };
  const { body } = await post(
    `${server.url}/predict`,
    { model: "churn", features: row },
    {
      "x-model": "churn",
    },
  );
  const rest = body as { prediction: number; probabilities: number[] };
  const one = await client.call(`${service}/Predict`, { features: row }, { metadata });
  expect(one.code, one.details).toBe(0);
  expect(one.reply).toMatchObject({ prediction: rest.prediction, model_version: "1.0.0" });
  const many = { instances: [{ features: row }, { features: row }] };
  const batch = await client.call(`${service}/BatchPredict`, many, { metadata });
  expect(batch.reply["predictions"]).toEqual([rest.prediction, rest.prediction]);
  const scores = batch.reply["probabilities"] as { values: number[] }[];
  expect(scores.map((each) => each.values)).toEqual([
    one.reply["probabilities"],
    one.reply["probabilities"],
  ]);
  const health = await client.call(`${service}/HealthCheck`, {});
  expect(health.reply).toEqual({ status: "healthy", model_loaded: true });
  const bad = { instances: [{ features: row }, { features: [1, 2] }] };
  const refused = await client.call(`${service}/BatchPredict`, bad, { metadata });
  expect([refused.code, refused.details]).toEqual([3, expect.stringContaining("instances[1]")]);
  expect((await client.call(`${service}/Predict`, { features: row })).code).toBe(3);
});

test("sentiment: one, a batch, a stream in order", async () => {
  const terms = { metadata: { "x-model": "sentiment" } };
  const text = "a wonderful day";
  const { body } = await post(`${server.url}/predict`, { text }, { "x-model": "sentiment" });
  const rest = body as { sentiment: string; confidence: number };
  const one = await client.call("SentimentService/Predict", { text }, terms);
  expect(one.code, one.details).toBe(0);
  expect(one.reply["sentiment"]).toBe(rest.sentiment);
  expect(one.reply["confidence"]).toBeCloseTo(rest.confidence, 5);
  const requests = [{ text }, { text: "a terrible, boring film" }];
  const batch = await client.call("SentimentService/PredictBatch", { requests }, terms);
  const responses = batch.reply["responses"] as Plain[];
  expect(responses[0]).toEqual(one.reply);
  const { replies, code } = await client.exchange(
    "SentimentService/PredictStream",
    requests,
    terms,
  );
  expect([code, replies]).toEqual([0, responses]);
  const empty = await client.exchange("SentimentService/PredictStream", [{ text: "" }], terms);
  expect(empty.code).toBe(3);
});

test("health: each service by its name, a watch, and a name that there is not", async () => {
  const health = "grpc.health.v1.Health";
  for (const service of ["", oip, "prediction.PredictionService", "SentimentService"]) {
    const end = await client.call(`${health}/Check`, { service });
    expect(end).toMatchObject({ code: 0, reply: { status: "SERVING" } });
  }
  const unknown = await client.call(`${health}/Check`, { service: "nobody" });
  expect([unknown.code, unknown.trailers["x-error-code"]]).toEqual([5, "SERVICE_NOT_FOUND"]);
  const list = await client.call(`${health}/List`, {});
  expect(Object.keys(list.reply["statuses"] as Plain)).toContain(oip);
});

test("reflection tells the services and the files of each, in both versions", async () => {
  for (const version of ["v1", "v1alpha"]) {
    const path = `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const { replies, code } = await client.exchange(path, [
      { list_services: "" },
      { file_containing_symbol: `${oip}.ModelInfer` },
      { file_by_filename: "../../etc/passwd" },
    ]);
    expect(code).toBe(0);
    const [list, file, none] = replies as Record<string, Record<string, unknown[]>>[];
    expect(list?.["list_services_response"]?.["service"]).toContainEqual({ name: oip });
    expect(file?.["file_descriptor_response"]?.["file_descriptor_proto"]).toHaveLength(2);
    expect(none?.["error_response"]?.["error_code"]).toBe(5);
  }
});

test("a deadline that has passed and a caller who leaves are counted as such", async () => {
  const late = await client.call(`${oip}/ModelInfer`, churnRequest(), { deadlineMs: 0 });
  expect(late.code).toBe(4);
  const timeout = { metadata: { "x-request-timeout-ms": "0" } };
  const passed = await client.call(`${oip}/ModelInfer`, churnRequest(), timeout);
  expect([passed.code, passed.trailers["x-error-code"]]).toEqual([4, "DEADLINE_EXCEEDED"]);
  const page = async (): Promise<string> => await (await fetch(`${server.url}/metrics`)).text();
  await until(async () => {
    const line = 'model="churn",version="1.0.0",door="grpc",code="DEADLINE_EXCEEDED"';
    return (await page()).includes(line);
  }, 5_000);
  expect(await page()).toMatch(/in_flight_requests\{model="churn",version="1.0.0"\} 0/);
});

test("answers from every demo model are bit-equal to those of binary REST", async () => {
  const samples = ["churn", "digits", "trees", "wafer"];
  for (const model of samples) {
    const { reply } = await client.call(`${oip}/ModelMetadata`, { name: model });
    const [input] = reply["inputs"] as { name: string; datatype: string; shape: string[] }[];
    if (input?.datatype !== "FP32") continue;
    const shape = input.shape.map((size) => (size === "-1" ? 3 : Number(size)));
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = floats(Array.from({ length: count }, (_, index) => (index * 7) % 20));
    const grpc = await client.call(`${oip}/ModelInfer`, {
      model_name: model,
      inputs: [{ name: input.name, datatype: "FP32", shape }],
      raw_input_contents: [bytes],
    });
    const rest = await binaryRest(model, { name: input.name, shape }, bytes);
    expect(grpc.code, grpc.details).toBe(0);
    expect(Buffer.concat(grpc.reply["raw_output_contents"] as Buffer[])).toEqual(rest);
  }
});

async function binaryRest(
  model: string,
  input: { name: string; shape: number[] },
  bytes: Buffer,
): Promise<Buffer> {
  const header = Buffer.from(
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: [{ ...input, datatype: "FP32", parameters: { binary_data_size: bytes.length } }],
    }),
  );
  const reply = await fetch(`${server.url}/v2/models/${model}/infer`, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(header.length),
    },
    body: new Uint8Array(Buffer.concat([header, bytes])),
  });
  const body = Buffer.from(await reply.arrayBuffer());
  const own = Number(reply.headers.get("inference-header-content-length"));
  return body.subarray(own);
}

test("the published protos are those that are served", () => {
  const text = readFileSync(join(root, "proto/inference/grpc_service.proto"), "utf8");
  expect(text).toContain("service GRPCInferenceService");
});
