// Goal: models are loaded, replaced and unloaded while the server runs, by every door that has such
// calls, without one lost answer and without a thing left behind; and only where the operator
// allows it. Method: the built server on a repository that the test changes, under load.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tensorValue, writeModel } from "../../tools/onnx/builder.ts";
import { slowRows } from "../../tools/onnx/loads.ts";
import {
  column,
  infer,
  isFull,
  metric,
  pause,
  setting,
  startServer,
  writeModels,
} from "../chaos/chaos-rig.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { openFiles, residentBytes } from "../support/process-figures.ts";

const isOn = setting({ "server.modelControl": "true", "limits.drainDelayMs": 0 });

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(
  server: BuiltServer,
  path: string,
  method = "POST",
  body?: object,
): Promise<Reply> {
  const given =
    body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(server.url + path, { method, ...given });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

const load = (server: BuiltServer, model: string): Promise<Reply> =>
  ask(server, `/v2/repository/models/${model}/load`);
const unload = (server: BuiltServer, model: string): Promise<Reply> =>
  ask(server, `/v2/repository/models/${model}/unload`);

/** Adds `k` to each of its rows of one number. */
function plus(k: number): Uint8Array {
  const value = { name: "value", type: "FP32", shape: [1], values: [k] } as const;
  return writeModel({
    nodes: [
      { op: "Constant", inputs: [], outputs: ["k"], attributes: { value: { tensor: value } } },
      { op: "Add", inputs: ["x", "k"], outputs: ["y"] },
    ],
    inputs: [tensorValue("x", "FP32", [-1, 1])],
    outputs: [tensorValue("y", "FP32", [-1, 1])],
  });
}

/** What the model makes of 1, or its status. */
async function ofOne(server: BuiltServer, model: string): Promise<number | string> {
  const { status, body } = await infer(server, model, { inputs: [column([1])] });
  const said = body as { error?: string; outputs?: { data: number[] }[] };
  if (status !== 200) return `${status} ${said.error}`;
  return said.outputs?.[0]?.data[0] ?? Number.NaN;
}

async function index(server: BuiltServer): Promise<Record<string, string>> {
  const { body } = await ask(server, "/v2/repository/index");
  const entries = body as unknown as { name: string; state: string; reason: string }[];
  return Object.fromEntries(entries.map(({ name, state, reason }) => [name, `${state} ${reason}`]));
}

/** A repository of `a` (plus 1) and `b` (plus 2). */
function repository(): string {
  return writeModels({ "a/model.onnx": plus(1), "b/model.onnx": plus(2) });
}

/** Asks the neighbour until told to stop; gives what was not answered with 3. */
function watchNeighbour(server: BuiltServer): () => Promise<(number | string)[]> {
  const others: (number | string)[] = [];
  let isOver = false;
  const asking = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const answer = await ofOne(server, "b");
        if (answer !== 3) others.push(answer);
      }
    }),
  );
  return async () => {
    isOver = true;
    await asking;
    return others;
  };
}

test("nothing is loaded or unloaded unless the operator allows it", async () => {
  const server = await startServer([repository()]);
  for (const verb of ["load", "unload"]) {
    const { status, body } = await ask(server, `/v2/repository/models/a/${verb}`);
    expect([status, String(body["error"])]).toEqual([
      403,
      expect.stringContaining("server.modelControl"),
    ]);
  }
  const client = new GrpcClient(server.grpc);
  const end = await client.call("inference.GRPCInferenceService/RepositoryModelUnload", {
    model_name: "a",
  });
  expect([end.code, end.details]).toEqual([7, expect.stringContaining("server.modelControl")]);
  client.close();
  expect(await ofOne(server, "a")).toBe(2);
});

test("a model is unloaded and loaded again and again, and nothing is left behind", async () => {
  const server = await startServer([repository(), ...isOn]);
  const stop = watchNeighbour(server);
  const cycle = async (): Promise<void> => {
    expect((await unload(server, "a")).status).toBe(200);
    expect(await ofOne(server, "a")).toMatch(/^503 .*'a' has no available versions/);
    expect((await index(server))["a"]).toBe("UNAVAILABLE unloaded");
    expect((await ask(server, "/health/ready", "GET")).status).toBe(200);
    expect((await load(server, "a")).status).toBe(200);
    expect(await ofOne(server, "a")).toBe(2);
  };
  for (let round = 0; round < 5; round += 1) await cycle();
  const before = { files: openFiles(server.pid), workers: (await server.workers()).length };
  const beforeBytes = residentBytes(server.pid);
  for (let round = 0; round < (isFull ? 100 : 20); round += 1) await cycle();
  expect(await stop()).toEqual([]);
  await until(
    async () =>
      // Our own connections come and go; what a cycle left would be there twenty times.
      openFiles(server.pid) <= before.files + 8 &&
      (await server.workers()).length === before.workers,
    10_000,
    () => `${openFiles(server.pid)} files, before ${before.files}`,
  );
  expect(residentBytes(server.pid) - beforeBytes).toBeLessThan(64 * 1024 * 1024);
  expect(
    await metric(server, "millrace_requests_total", { model: "a", code: "OK" }),
  ).toBeGreaterThan(20);
  expect(await server.stop()).toBe(0);
}, 180_000);

test("a changed model takes the place of the old one without a lost answer", async () => {
  const folder = repository();
  const server = await startServer([folder, ...isOn]);
  const seen = new Set<number | string>();
  let isOver = false;
  const asking = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!isOver) seen.add(await ofOne(server, "a"));
    }),
  );
  for (let k = 2; k < 8; k += 1) {
    writeFileSync(join(folder, "a/model.onnx"), plus(k));
    expect(await load(server, "a")).toEqual({ status: 200, body: {} });
    expect(await ofOne(server, "a")).toBe(1 + k);
  }
  isOver = true;
  await asking;
  expect([...seen].toSorted()).toEqual([2, 3, 4, 5, 6, 7, 8]);
  const started = await server.workers();
  expect(await load(server, "a")).toEqual({ status: 200, body: {} });
  expect(await server.workers()).toEqual(started);
}, 120_000);

test("what began on a version ends on it, though it is unloaded", async () => {
  const folder = writeModels({ "slow/model.onnx": slowRows() });
  const server = await startServer([folder, ...isOn, "--batch-items-max", "1"]);
  const inputs = [column([300_000])];
  const asked = Array.from({ length: 3 }, () => infer(server, "slow", { inputs }));
  await pause(100);
  const unloaded = unload(server, "slow");
  await pause(50);
  expect(["UNLOADING unloading", "UNAVAILABLE unloaded"]).toContain((await index(server))["slow"]);
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await unloaded).status).toBe(200);
  expect(await server.workers()).toEqual([]);
}, 60_000);

test("a model that cannot be loaded is said so, and what served still does", async () => {
  const folder = repository();
  const server = await startServer([folder, ...isOn]);
  writeFileSync(join(folder, "a/model.onnx"), "no model");
  const { status, body } = await load(server, "a");
  expect([status, String(body["error"])]).toEqual([
    422,
    expect.stringContaining("failed to load 'a'"),
  ]);
  expect(await ofOne(server, "a")).toBe(2);
  expect((await index(server))["a"]).toMatch(/^READY the last load failed: /);
  expect((await unload(server, "a")).status).toBe(200);
  expect((await load(server, "a")).status).toBe(422);
  expect((await index(server))["a"]).toMatch(/^UNAVAILABLE ./);
  writeFileSync(join(folder, "a/model.onnx"), plus(5));
  expect((await load(server, "a")).status).toBe(200);
  expect(await ofOne(server, "a")).toBe(6);
}, 60_000);

test("a folder that came later is loaded, one that has gone is unloaded", async () => {
  const folder = repository();
  const server = await startServer([folder, ...isOn]);
  expect((await load(server, "c")).status).toBe(404);
  const more = writeModels({ "model.onnx": plus(9) });
  symlinkSync(more, join(folder, "c"));
  expect((await load(server, "c")).status).toBeGreaterThanOrEqual(400);
  rmSync(join(folder, "c"));
  mkdirSync(join(folder, "c"));
  writeFileSync(join(folder, "c/model.onnx"), plus(9));
  expect((await load(server, "c")).status).toBe(200);
  expect(await ofOne(server, "c")).toBe(10);
  rmSync(join(folder, "c"), { recursive: true });
  expect((await load(server, "c")).status).toBe(404);
  expect(await ofOne(server, "c")).toBe(10);
  expect((await unload(server, "c")).status).toBe(200);
}, 60_000);

test("wrong names, parameters that would bring files, and two at once are refused", async () => {
  const server = await startServer([repository(), ...isOn]);
  for (const name of ["nobody", "..%2F..%2Fetc", "%2Fetc%2Fpasswd", ".", "a%00"]) {
    const { status } = await load(server, name);
    expect([name, status >= 400 && status < 500]).toEqual([name, true]);
    expect([name, (await unload(server, name)).status >= 400]).toEqual([name, true]);
  }
  const path = "/v2/repository/models/a/load";
  const { status, body } = await ask(server, path, "POST", {
    parameters: { config: "{}", "file:1/model.onnx": "AAAA" },
  });
  expect([status, String(body["error"])]).toEqual([
    501,
    expect.stringContaining("parameters.'file:1/model.onnx'"),
  ]);
  const bad = await ask(server, "/v2/repository/models/a/load", "POST", { parameters: 3 });
  expect(bad.status).toBe(400);
  const all = await Promise.all(
    Array.from({ length: 12 }, (_, at) => (at % 2 ? load : unload)(server, "a")),
  );
  const statuses = new Set(all.map(({ status }) => status));
  expect(statuses.has(200)).toBe(true);
  expect([...statuses].every((status) => status === 200 || status === 409)).toBe(true);
  expect((await load(server, "a")).status).toBe(200);
  expect(await ofOne(server, "a")).toBe(2);
}, 60_000);

test("a caller says how a model is run, and nothing of what it is", async () => {
  const server = await startServer([repository(), ...isOn]);
  const stop = watchNeighbour(server);
  const bring = (config: unknown, model = "a"): Promise<Reply> =>
    ask(server, `/v2/repository/models/${model}/load`, "POST", {
      parameters: { config: typeof config === "string" ? config : JSON.stringify(config) },
    });
  const told = async (): Promise<Record<string, unknown>> =>
    (await ask(server, "/v2/models/a/config", "GET")).body;
  const first = await told();
  expect(first["max_batch_size"]).toBe(32);
  const started = (await server.workers()).length;
  const wanted = {
    max_batch_size: "16",
    dynamic_batching: { max_queue_delay_microseconds: 1_500 },
    instance_group: [{ kind: "KIND_CPU", count: 2 }],
  };
  expect(await bring(wanted)).toEqual({ status: 200, body: {} });
  const second = await told();
  expect(second).toMatchObject({
    max_batch_size: 16,
    dynamic_batching: { max_queue_delay_microseconds: 1_500 },
    instance_group: [{ count: 2 }],
  });
  expect(await ofOne(server, "a")).toBe(2);
  expect((await server.workers()).length).toBe(started + 1);
  // The same again changes nothing; the whole of what was told may be sent back with one change.
  const workers = await server.workers();
  expect((await bring(wanted)).status).toBe(200);
  expect(await server.workers()).toEqual(workers);
  expect((await bring({ ...second, max_batch_size: 8 })).status).toBe(200);
  expect((await told())["max_batch_size"]).toBe(8);
  for (const [config, status, words] of [
    ['"parameters": {}', 400, "failed to load 'a': parameters.config: "],
    ["[1]", 400, "parameters.config: got a list of 1, expected a mapping"],
    ["[".repeat(100_000), 400, "parameters.config: "],
    [{ max_batch_size: 10_001 }, 400, "max_batch_size: got 10001, expected at most 10000"],
    [{ max_batch_size: "1e3" }, 400, "max_batch_size: got '1e3', expected a number"],
    [" ".repeat(1024 * 1024 + 1), 400, "config: got 1048577 bytes, expected at most 1048576"],
    [{ max_batch_size: 0 }, 501, "parameters.config.'max_batch_size'"],
    [{ maxBatchSize: 4 }, 400, "'maxBatchSize': not known; did you mean 'max_batch_size'?"],
    ['{"constructor": {"a": 1}}', 501, "parameters.config.'constructor'"],
    [{ dynamic_batching: 3 }, 400, "dynamic_batching: got 3, expected a mapping"],
    [
      { dynamic_batching: { max_queue_delay_microseconds: -1 } },
      400,
      "microseconds: got -1, expected at least 0",
    ],
    [{ instance_group: [{ count: 33 }, { count: 33 }] }, 400, "at most 64 instances"],
    [
      { instance_group: [{ kind: "KIND_GPU" }] },
      400,
      "instance_group[0].kind: got 'KIND_GPU', expected one of",
    ],
    [{ ...first, input: [{ name: "z" }] }, 501, "parameters.config.'input'"],
    [
      { dynamic_batching: { preferred_batch_size: [4] } },
      501,
      "parameters.config.'dynamic_batching.preferred_batch_size'",
    ],
    [{ instance_group: [{ gpus: [0] }] }, 501, "parameters.config.'instance_group[0].gpus'"],
    [{ name: "b" }, 501, "parameters.config.'name'"],
    [{ sequence_batching: { max_sequence_idle_microseconds: 1 } }, 501, "'sequence_batching'"],
  ] as const) {
    const { status: got, body } = await bring(config);
    expect([got, String(body["error"])]).toEqual([status, expect.stringContaining(words)]);
  }
  expect((await bring("{}", "nobody")).status).toBe(404);
  expect((await told())["max_batch_size"]).toBe(8);
  // It is not read, and not passed over, that what is not loaded should have no batches.
  expect((await unload(server, "a")).status).toBe(200);
  expect(await bring({ max_batch_size: 0 })).toMatchObject({ status: 501 });
  // Without a configuration it is the package's word again.
  expect((await load(server, "a")).status).toBe(200);
  expect(await told()).toEqual(first);
  expect(await stop()).toEqual([]);
}, 60_000);

test("where Triton's file bounds requests, the caller's word does in its place", async () => {
  const folder = writeModels({ "a/1/model.onnx": plus(1) });
  writeFileSync(join(folder, "a/config.pbtxt"), 'backend: "onnxruntime"\nmax_batch_size: 2\n');
  const server = await startServer([folder, ...isOn]);
  const rows = async (count: number): Promise<number> =>
    (await infer(server, "a", { inputs: [column(Array.from({ length: count }, () => 1))] })).status;
  expect([await rows(2), await rows(3)]).toEqual([200, 400]);
  const parameters = { config: '{"max_batch_size":"3"}' };
  const { status } = await ask(server, "/v2/repository/models/a/load", "POST", { parameters });
  expect([status, await rows(3), await rows(4)]).toEqual([200, 200, 400]);
  expect((await load(server, "a")).status).toBe(200);
  expect([await rows(2), await rows(3)]).toEqual([200, 400]);
}, 60_000);

test("a server may start with an empty folder that is filled later", async () => {
  const folder = writeModels({});
  const server = await startServer([folder, ...isOn]);
  expect((await ask(server, "/health/ready", "GET")).status).toBe(200);
  expect((await load(server, "a")).status).toBe(404);
  mkdirSync(join(folder, "a"));
  writeFileSync(join(folder, "a/model.onnx"), plus(1));
  expect((await load(server, "a")).status).toBe(200);
  expect(await ofOne(server, "a")).toBe(2);
}, 60_000);

test("gRPC does what REST does", async () => {
  const server = await startServer([repository(), ...isOn]);
  const client = new GrpcClient(server.grpc);
  const call = (method: string, request: object) =>
    client.call(`inference.GRPCInferenceService/${method}`, { ...request });
  expect((await call("RepositoryModelUnload", { model_name: "a" })).code).toBe(0);
  expect((await call("ModelReady", { name: "a" })).reply).toMatchObject({ ready: false });
  const ready = await call("RepositoryIndex", { ready: true });
  expect((ready.reply["models"] as { name: string }[]).map(({ name }) => name)).toEqual(["b"]);
  expect((await call("RepositoryModelLoad", { model_name: "a" })).code).toBe(0);
  expect((await call("ModelReady", { name: "a" })).reply).toMatchObject({ ready: true });
  const loadWith = async (parameters: object) =>
    await call("RepositoryModelLoad", { model_name: "a", parameters });
  expect((await loadWith({ "file:1/model.onnx": { bytes_param: "AAAA" } })).code).toBe(12);
  expect((await loadWith({ config: { bool_param: true } })).code).toBe(3);
  const config = {
    max_batch_size: "7",
    dynamic_batching: { max_queue_delay_microseconds: "2000" },
  };
  const sent = { config: { string_param: JSON.stringify(config) } };
  expect((await loadWith(sent)).code).toBe(0);
  expect((await call("ModelConfig", { name: "a" })).reply["config"]).toMatchObject({
    max_batch_size: 7,
    dynamic_batching: { max_queue_delay_microseconds: "2000" },
  });
  expect((await call("RepositoryModelLoad", { model_name: "nobody" })).code).toBe(5);
  client.close();
}, 60_000);

test("TorchServe registers, scales what there is, and unregisters", async () => {
  const dialects = setting({ "server.dialects": "torchserve" });
  const server = await startServer([repository(), ...isOn, ...dialects]);
  const predict = async (model: string): Promise<number> =>
    (await ask(server, `/predictions/${model}`, "POST", [[1]])).status;
  expect(await predict("a")).toBe(200);
  expect((await ask(server, "/models/a", "DELETE")).body).toEqual({
    status: 'Model "a" unregistered',
  });
  expect(await predict("a")).toBeGreaterThanOrEqual(400);
  expect((await ask(server, "/models/a", "GET")).status).toBe(404);
  expect((await ask(server, "/models?url=../../etc", "POST")).status).toBe(400);
  const wrong = await ask(server, "/models?url=a&batch_size=10001");
  expect([wrong.status, JSON.stringify(wrong.body)]).toEqual([
    400,
    expect.stringContaining("batch_size: expected a whole number from 0 to 10000"),
  ]);
  const words = "initial_workers=2&batch_size=4&max_batch_delay=3&synchronous=true";
  const registered = await ask(server, `/models?url=a&${words}`);
  expect(registered).toEqual({ status: 200, body: { status: 'Model "a" registered' } });
  expect((await ask(server, "/models?url=a")).status).toBe(409);
  const described = (await ask(server, "/models/a", "GET")).body as unknown as object[];
  expect(described[0]).toMatchObject({ minWorkers: 2, batchSize: 4, maxBatchDelay: 3 });
  expect((await ask(server, "/models/a?min_worker=1", "PUT")).status).toBe(200);
  expect(await predict("a")).toBe(200);
}, 60_000);

test("SageMaker brings models under names of its own, below the server's path alone", async () => {
  const folder = repository();
  const elsewhere = writeModels({ "model.onnx": plus(4) });
  const dialects = setting({ "server.dialects": "sagemaker" });
  const server = await startServer([folder, ...isOn, ...dialects]);
  const bring = (model_name: string, url: string): Promise<Reply> =>
    ask(server, "/models", "POST", { model_name, url });
  expect((await bring("x1", join(folder, "a"))).status).toBe(200);
  expect((await bring("x1", join(folder, "a"))).status).toBe(409);
  expect((await bring("x2", elsewhere)).status).toBe(400);
  expect((await bring("x2", join(folder, "a/../../"))).status).toBe(400);
  expect((await ask(server, "/models/x1", "GET")).status).toBe(200);
  const invoked = await ask(server, "/models/x1/invoke", "POST", { inputs: [[1]] });
  expect(invoked.status).toBe(200);
  expect((await ask(server, "/models/x1", "DELETE")).status).toBe(200);
  expect((await ask(server, "/models/x1", "GET")).status).toBe(404);
  // What could not be loaded is not there: it is mended and tried again.
  mkdirSync(join(folder, "broken"));
  writeFileSync(join(folder, "broken/model.onnx"), "no model");
  expect((await bring("x3", "broken")).status).toBe(422);
  expect((await bring("x3", "broken")).status).toBe(422);
  writeFileSync(join(folder, "broken/model.onnx"), plus(5));
  expect((await bring("x3", "broken")).status).toBe(200);
  expect((await bring("x3", "broken")).status).toBe(409);
}, 60_000);

test("two fronts serve the same after each change", async () => {
  const folder = repository();
  const server = await startServer([folder, ...isOn, "--fronts", "2"]);
  const stop = watchNeighbour(server);
  /** Every answer of many callers, each on a connection of its own. */
  const all = async (): Promise<(number | string)[]> => {
    const answers = Array.from({ length: 24 }, async () => {
      const response = await fetch(`${server.url}/v2/models/a/infer`, {
        method: "POST",
        headers: { connection: "close", "content-type": "application/json" },
        body: JSON.stringify({ inputs: [column([1])] }),
      });
      const body = (await response.json()) as { outputs?: { data: number[] }[] };
      return response.status === 200 ? (body.outputs?.[0]?.data[0] ?? "none") : response.status;
    });
    return [...new Set(await Promise.all(answers))];
  };
  for (let k = 2; k < 5; k += 1) {
    expect((await unload(server, "a")).status).toBe(200);
    expect(await all()).toEqual([503]);
    writeFileSync(join(folder, "a/model.onnx"), plus(k));
    expect((await load(server, "a")).status).toBe(200);
    expect(await all()).toEqual([1 + k]);
    writeFileSync(join(folder, "a/model.onnx"), plus(k + 20));
    expect((await load(server, "a")).status).toBe(200);
    expect(await all()).toEqual([21 + k]);
    const parameters = { config: JSON.stringify({ max_batch_size: k }) };
    const path = "/v2/repository/models/a/load";
    expect((await ask(server, path, "POST", { parameters })).status).toBe(200);
    const sizes = Array.from({ length: 12 }, async () => {
      const headers = { connection: "close" };
      const told = await fetch(`${server.url}/v2/models/a/config`, { headers });
      return ((await told.json()) as { max_batch_size: number }).max_batch_size;
    });
    expect(new Set(await Promise.all(sizes))).toEqual(new Set([k]));
  }
  expect(await stop()).toEqual([]);
  expect(await server.stop()).toBe(0);
}, 120_000);
