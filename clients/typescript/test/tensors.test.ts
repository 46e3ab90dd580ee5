// Goal: tensors of every datatype come back bit by bit, and streams come line by line.
// Method: the built client against identity models and the demo models on the built server.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../../../test/support/built-server.ts";
import { identity } from "../../../tools/onnx/models.ts";
import type { TensorInput } from "../src/index.ts";
import { createClient, MillraceError } from "./built-client.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-client-"));
const types = [
  "FP32",
  "FP64",
  "FP16",
  "INT64",
  "UINT64",
  "INT32",
  "INT8",
  "UINT8",
  "BOOL",
] as const;
let server: BuiltServer;
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
  for (const type of [...types, "BYTES"] as const) {
    const place = join(folder, `same-${type.toLowerCase()}`, "1");
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "model.onnx"), identity(type, ["batch", 2]));
  }
  server = await startBuilt([folder, join(root, "models")]);
  client = createClient({ url: server.url });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

const cases: readonly [string, TensorInput][] = [
  ["FP32", { shape: [2, 2], data: Float32Array.of(0.1, Number.NaN, -0, Infinity) }],
  ["FP64", { shape: [1, 2], data: Float64Array.of(1e308, 5e-324) }],
  ["FP16", { shape: [1, 2], data: Uint16Array.of(0x3c00, 0x7e00), datatype: "FP16" }],
  ["INT64", { shape: [1, 2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) }],
  ["UINT64", { shape: [1, 2], data: BigUint64Array.of(0n, 2n ** 64n - 1n) }],
  ["INT32", { shape: [1, 2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) }],
  ["INT8", { shape: [1, 2], data: Int8Array.of(-128, 127) }],
  ["UINT8", { shape: [1, 2], data: Uint8Array.of(0, 255) }],
];

describe.each(cases)("%s", (type, input) => {
  test("goes there and back bit by bit", async () => {
    const answer = await client.infer(`same-${type.toLowerCase()}`, { x: input });
    expect(answer).toMatchObject({ model: `same-${type.toLowerCase()}`, version: "1" });
    expect(answer.outputs).toEqual({
      y: { datatype: type, shape: input.shape, data: input.data },
    });
  });
});

test("booleans and texts go there and back", async () => {
  const flags = { shape: [1, 2], data: [true, false] };
  const same = await client.infer("same-bool", { x: flags });
  expect(same.outputs["y"]).toEqual({
    datatype: "BOOL",
    shape: [1, 2],
    data: Uint8Array.of(1, 0),
  });
  const texts = ["\ufeffgrüß dich 🌊", ""];
  const { outputs } = await client.infer("same-bytes", { x: { shape: [1, 2], data: texts } });
  expect(outputs["y"]?.shape).toEqual([1, 2]);
  expect(outputs["y"]?.data).toEqual(texts);
});

test("wrong tensors are refused with the name of the input, here or by the server", async () => {
  const wrong = { shape: [2, 2], data: Float32Array.of(1, 2, 3) };
  await expect(client.infer("same-fp32", { x: wrong })).rejects.toMatchObject({
    code: "INVALID_INPUT",
    field: "x",
    status: 0,
  });
  const long = { shape: [1, 3], data: Float32Array.of(1, 2, 3) };
  const refused = await client.infer("same-fp32", { x: long }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "INVALID_INPUT", status: 400 });
  const half = { shape: [1, 2], data: ["a", "\ud800"] };
  await expect(client.infer("same-bytes", { x: half })).rejects.toMatchObject({ field: "x[1]" });
});

test("outputs can be chosen; the demo model answers as typed arrays", async () => {
  const features = { shape: [1, 4], data: Float32Array.of(45, 12, 79.5, 954) };
  const wanted = { outputs: ["probabilities"], version: "1.0.0", requestId: "t-1" };
  const { outputs, requestId } = await client.infer("churn", { features }, wanted);
  expect(Object.keys(outputs)).toEqual(["probabilities"]);
  expect(outputs["probabilities"]?.data).toBeInstanceOf(Float32Array);
  expect(requestId).toBe("t-1");
});

test("metadata, readiness and health", async () => {
  expect(await client.metadata("churn")).toMatchObject({
    name: "churn",
    versions: ["1.0.0"],
    inputs: [{ name: "features", datatype: "FP32", shape: [-1, 4] }],
  });
  expect(await client.ready()).toBe(true);
  expect(await client.ready("churn")).toBe(true);
  await expect(client.ready("nobody")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  expect(await createClient({ url: "http://127.0.0.1:9" }).ready()).toBe(false);
  expect(await client.health()).toEqual({ status: "healthy", isHealthy: true, problems: [] });
});

test("a stream answers each row once, with faults in their place and progress", async () => {
  const rows = Array.from({ length: 200 }, (_, index) =>
    index === 7 ? [1, 2] : [20 + (index % 50), 12, 79.5, 954],
  );
  const seen = new Set<number>();
  const faults: number[] = [];
  let last = { done: 0, failed: 0, total: 0 };
  const onProgress = (progress: typeof last): void => {
    last = progress;
  };
  for await (const item of client.predictStream("churn", rows, { onProgress })) {
    seen.add(item.index);
    if (item.error === undefined) expect(item.probabilities).toHaveLength(2);
    else faults.push(item.index);
  }
  expect(seen.size).toBe(200);
  expect(faults).toEqual([7]);
  expect(last).toEqual({ done: 200, failed: 1, total: 200 });
});

test("texts stream too, and leaving the loop ends the stream on the server", async () => {
  const texts = Array.from({ length: 5_000 }, (_, index) => `I love it ${index}`);
  for await (const item of client.predictStream("sentiment", texts)) {
    if (item.error === undefined) expect(item.prediction).toBe("positive");
    break;
  }
  await expect.poll(() => openStreams()).toBe(0);
});

/** Streams that the server holds open. */
async function openStreams(): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  const line = page.split("\n").find((each) => each.startsWith("millrace_streams "));
  return Number(line?.split(" ")[1]);
}

test("a stream that is cancelled throws CANCELLED and goes no further", async () => {
  const controller = new AbortController();
  const rows = Array.from({ length: 5_000 }, () => [45, 12, 79.5, 954]);
  const read = async (): Promise<void> => {
    for await (const _ of client.predictStream("churn", rows, { signal: controller.signal })) {
      controller.abort(new Error("enough"));
    }
  };
  const thrown = await read().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(MillraceError);
  expect(thrown).toMatchObject({ code: "CANCELLED", cause: new Error("enough") });
});

test("a stream that cannot begin says why", async () => {
  const read = async (): Promise<void> => {
    for await (const _ of client.predictStream("nobody", [[1]]));
  };
  await expect(read()).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
});
