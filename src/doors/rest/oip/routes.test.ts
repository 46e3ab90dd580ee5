// Goal: what callers ask about server and models has the protocol's shape, and what is not offered
// says so. Method: a door over one model in memory, answers compared whole.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import type { Tensor } from "../../../tensor/index.ts";

let rig: RestRig;

beforeAll(async () => {
  rig = await openRestRig([
    {
      name: "echo",
      inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 4] })],
      outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 4] })],
      run: (request) => [request.inputs[0] as Tensor],
    },
  ]);
  const options = { version: "1", isRequired: false };
  const failed = rig.service.registry.register({ model: "broken", ...options });
  rig.service.registry.step(failed, "failed", { reason: "truncated file" });
});
afterAll(() => rig.close());

async function ask(method: string, path: string, body?: string): Promise<[number, unknown]> {
  const headers = { "content-type": "application/json" };
  const given = body === undefined ? {} : { body, headers };
  const response = await fetch(rig.url + path, { method, ...given });
  return [response.status, await response.json()];
}

test("describes server and models", async () => {
  expect(await ask("GET", "/v2")).toEqual([
    200,
    {
      name: "millrace",
      version: "0.0.1",
      extensions: [
        "classification",
        "binary_tensor_data",
        "parameters",
        "model_configuration",
        "statistics",
      ],
    },
  ]);
  expect(await ask("GET", "/v2/models")).toEqual([200, { models: ["echo", "broken"] }]);
  const metadata = {
    name: "echo",
    versions: ["1.0.0"],
    platform: "onnxruntime_onnx",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, 4] }],
  };
  expect(await ask("GET", "/v2/models/echo")).toEqual([200, metadata]);
  expect(await ask("GET", "/v2/models/echo/versions/latest")).toEqual([200, metadata]);
  const [status, config] = await ask("GET", "/v2/models/echo/versions/1.0.0/config");
  expect(status).toBe(200);
  expect(config).toMatchObject({
    name: "echo",
    max_batch_size: 32,
    input: [{ name: "x", data_type: "TYPE_FP32", dims: [4] }],
    instance_group: [{ name: "echo", kind: "KIND_CPU", count: 3 }],
  });
});

test("says which versions are ready, 503 when one is not, 404 when it is unknown", async () => {
  expect(await ask("GET", "/v2/models/echo/ready")).toEqual([200, { name: "echo", ready: true }]);
  const version = await ask("GET", "/v2/models/echo/versions/1.0.0/ready");
  expect(version).toEqual([200, { name: "echo", ready: true }]);
  const broken = await ask("GET", "/v2/models/broken/ready");
  expect(broken).toEqual([503, { name: "broken", ready: false }]);
  expect((await ask("GET", "/v2/models/nope/ready"))[0]).toBe(404);
  expect((await ask("GET", "/v2/models/echo/versions/9/ready"))[0]).toBe(404);
  expect(await ask("GET", "/v2/models/broken")).toMatchObject([503, { code: "MODEL_NOT_READY" }]);
  expect(await ask("GET", "/v2/models/nope")).toMatchObject([
    404,
    { error: "Request for unknown model: 'nope' is not found", code: "MODEL_NOT_FOUND" },
  ]);
});

test("counts in the statistics what was asked", async () => {
  const input = { name: "x", datatype: "FP32", shape: [2, 4], data: new Array(8).fill(1) };
  const body = JSON.stringify({ inputs: [input] });
  expect((await ask("POST", "/v2/models/echo/infer", body))[0]).toBe(200);
  const one = { name: "echo", version: "1.0.0", inference_count: 2 };
  for (const path of ["echo/stats", "echo/versions/1.0.0/stats", "stats"]) {
    expect(await ask("GET", `/v2/models/${path}`)).toMatchObject([200, { model_stats: [one] }]);
  }
});

test("lists the repository, all of it or what is ready", async () => {
  const echo = { name: "echo", version: "1.0.0", state: "READY", reason: "" };
  const broken = { name: "broken", version: "1", state: "UNAVAILABLE", reason: "truncated file" };
  const index = "/v2/repository/index";
  expect(await ask("POST", index)).toEqual([200, [echo, broken]]);
  expect(await ask("POST", index, "{}")).toEqual([200, [echo, broken]]);
  expect(await ask("POST", index, '{"ready":true}')).toEqual([200, [echo]]);
  expect(await ask("POST", index, '{"ready":1}')).toMatchObject([400, { field: "ready" }]);
});

test("what is known but not offered says so", async () => {
  const control = await ask("POST", "/v2/repository/models/echo/load", "{}");
  expect(control).toMatchObject([403, { code: "PERMISSION_DENIED" }]);
  for (const kind of ["system", "cuda"]) {
    const base = `/v2/${kind}sharedmemory`;
    expect(await ask("GET", `${base}/status`)).toEqual([200, []]);
    expect(await ask("GET", `${base}/region/r/status`)).toEqual([200, []]);
    for (const path of ["/region/r/register", "/region/r/unregister", "/unregister"]) {
      expect(await ask("POST", base + path, "{}")).toMatchObject([
        501,
        { error: "shared memory is not supported: send tensors in the request body" },
      ]);
    }
  }
  const refused = [
    ["GET", "/v2/logging"],
    ["POST", "/v2/logging"],
    ["GET", "/v2/trace/setting"],
    ["POST", "/v2/models/echo/trace/setting"],
    ["POST", "/v2/models/echo/generate"],
    ["POST", "/v2/models/echo/versions/1.0.0/generate_stream"],
  ] as const;
  for (const [method, path] of refused) {
    const answer = await ask(method, path, method === "POST" ? "{}" : undefined);
    expect(answer).toMatchObject([501, { code: "UNSUPPORTED" }]);
  }
  expect((await ask("GET", "/v2/models/echo/infer"))[0]).toBe(405);
});

test("a long answer about models is not deflated, whatever the caller accepts", async () => {
  for (let index = 0; index < 60; index += 1) {
    rig.service.registry.register({ model: `idle-${index}`, version: "1", isRequired: false });
  }
  const headers = { "accept-encoding": "gzip, deflate" };
  const response = await fetch(`${rig.url}/v2/repository/index`, { method: "POST", headers });
  expect((await response.text()).length).toBeGreaterThan(1024);
  expect(response.headers.get("content-encoding")).toBeNull();
});
