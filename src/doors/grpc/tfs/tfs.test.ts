// Goal: what a model gives leaves by gRPC as it leaves by REST: numbers of each example, NaN and
// 64-bit numbers unchanged, large replies whole. Method: both doors over one service with models in
// memory; a foreign client over our proto files.
import { afterAll, beforeAll, expect, test } from "vitest";
import { GrpcClient, type GrpcEnd, type Plain } from "../../../../test/support/grpc-client.ts";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { systemClock } from "../../../base/index.ts";
import { createLog } from "../../../observe/index.ts";
import { makeTensor, type Tensor } from "../../../tensor/index.ts";
import { type GrpcDoor, startGrpcDoor } from "../index.ts";

let rig: RestRig;
let door: GrpcDoor;
let client: GrpcClient;

const numbers = inputSpec({ name: "x", dtype: "FP32", shape: [-1] });
const wholes = inputSpec({ name: "n", dtype: "INT64", shape: [-1] });
const score = (name: string, dtype: "FP32" | "INT64" | "FP16") =>
  outputSpec({ name, dtype, shape: [-1] }, { role: "prediction" });
const given = (request: { inputs: readonly (Tensor | undefined)[] }): Tensor =>
  request.inputs[0] as Tensor;

const models = [
  {
    ...{ name: "echo", inputs: [numbers], outputs: [score("y", "FP32")] },
    run: (request: Parameters<typeof given>[0]) => [given(request)],
  },
  {
    ...{ name: "wide", inputs: [wholes], outputs: [score("y", "INT64")] },
    run: (request: Parameters<typeof given>[0]) => [given(request)],
  },
  {
    ...{ name: "half", inputs: [numbers], outputs: [score("y", "FP16")] },
    run(request: Parameters<typeof given>[0]) {
      const { shape, elements } = given(request);
      // 1.5 in half precision.
      return [makeTensor("FP16", shape, new Uint16Array(elements.length).fill(0x3e00))];
    },
  },
];

beforeAll(async () => {
  rig = await openRestRig(models);
  door = await startGrpcDoor({
    service: rig.service,
    clock: systemClock,
    log: createLog({ level: "silent", format: "json", write: () => {} }),
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    hasReflection: true,
    cors: { origins: [], maxAgeS: 600 },
    hasWeb: true,
    keepAliveMs: 60_000,
    serverName: "millrace",
    serverVersion: "0.0.1",
  });
  client = new GrpcClient(`127.0.0.1:${door.port}`);
});

afterAll(async () => {
  client?.close();
  await door?.close();
  await rig?.close();
});

function call(method: string, name: string, more: Plain): Promise<GrpcEnd> {
  const request = { model_spec: { name }, ...more };
  return client.call(`tensorflow.serving.PredictionService/${method}`, request);
}

function shapeOf(...sizes: number[]): Plain {
  return { dim: sizes.map((size) => ({ size })) };
}

async function yOf(name: string, inputs: Plain): Promise<Plain> {
  const end = await call("Predict", name, { inputs });
  expect(end.code, end.details).toBe(0);
  return (end.reply["outputs"] as Record<string, Plain>)["y"] ?? {};
}

test("NaN, infinities, zeros with a sign and 64-bit numbers pass unchanged", async () => {
  const float_val = [Number.NaN, Number.POSITIVE_INFINITY, -0, Math.fround(0.1)];
  const x = { dtype: 1, tensor_shape: shapeOf(4), float_val };
  expect(await yOf("echo", { x })).toMatchObject({ dtype: "DT_FLOAT", float_val });
  const int64_val = ["9223372036854775807", "-9223372036854775808", "9007199254740993"];
  const n = { dtype: 9, tensor_shape: shapeOf(3), int64_val };
  expect(await yOf("wide", { n })).toMatchObject({ dtype: "DT_INT64", int64_val });
  const half = await yOf("half", { x });
  expect(half).toMatchObject({ dtype: "DT_HALF", half_val: [0x3e00, 0x3e00, 0x3e00, 0x3e00] });
});

test("a reply too large to be joined is whole", async () => {
  const rows = 10_000;
  const list = Array.from({ length: rows }, (_, index) => String(2 ** 53 + index * 2));
  const n = { dtype: 9, tensor_shape: shapeOf(rows), int64_val: list };
  expect((await yOf("wide", { n }))["int64_val"]).toEqual(list);
  const floats = Float32Array.from({ length: rows }, (_, index) => index / 3);
  const content = Buffer.from(floats.buffer);
  const x = { dtype: 1, tensor_shape: shapeOf(rows), tensor_content: content };
  const told = (await yOf("echo", { x }))["float_val"] as number[];
  expect(Buffer.from(Float32Array.from(told).buffer)).toEqual(content);
});

test("no items are answered with no items", async () => {
  const y = await yOf("echo", { x: { dtype: 1, tensor_shape: shapeOf(0) } });
  expect(y).toMatchObject({ tensor_shape: { dim: [{ size: "0" }] }, float_val: [] });
});

function examples(name: string, kind: string, values: readonly unknown[]): Plain {
  const list = values.map((value) => ({
    features: { feature: { [name]: { [kind]: { value: [value] } } } },
  }));
  return { input: { example_list: { examples: list } } };
}

test("regress answers a number for each example, as REST does", async () => {
  const values = [0.25, -3, 1e30];
  const end = await call("Regress", "echo", examples("x", "float_list", values));
  expect(end.code, end.details).toBe(0);
  const { regressions } = end.reply["result"] as { regressions: { value: number }[] };
  const response = await fetch(`${rig.url}/v1/models/echo:regress`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ examples: values.map((x) => ({ x })) }),
  });
  const { results } = (await response.json()) as { results: number[] };
  expect(regressions.map(({ value }) => value)).toEqual(results.map(Math.fround));
  const half = await call("Regress", "half", examples("x", "float_list", [1]));
  expect(half.reply["result"]).toEqual({ regressions: [{ value: 1.5 }] });
});

test("a whole number that no 32-bit float names is refused, never rounded", async () => {
  const exact = await call("Regress", "wide", examples("n", "int64_list", [2 ** 24]));
  expect(exact.reply["result"]).toEqual({ regressions: [{ value: 2 ** 24 }] });
  const odd = await call("Regress", "wide", examples("n", "int64_list", [2 ** 24 + 1]));
  expect(odd).toMatchObject({ code: 9 });
  expect(odd.trailers["x-error-code"]).toBe("OUTPUT_NOT_REPRESENTABLE");
  const scores = await call("Classify", "echo", examples("x", "float_list", [1]));
  expect(scores).toMatchObject({ code: 3 });
  expect(scores.details).toContain("no scores of classes");
});
