// Goal: what the gRPC door does can be seen: its calls in the debug log, the sizes of its messages
// and its open streams on the metrics page. Method: the built server, a foreign client.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltServer, get, root, startBuilt, until } from "../support/built-server.ts";
import { GrpcClient, type Plain } from "../support/grpc-client.ts";

const oip = "inference.GRPCInferenceService";
const request = {
  model_name: "churn",
  inputs: [
    {
      ...{ name: "features", datatype: "FP32", shape: [1, 4] },
      contents: { fp32_contents: [45, 12, 79.5, 954] },
    },
  ],
};
let server: BuiltServer;
let client: GrpcClient;

beforeAll(async () => {
  const log = ["--set", "log.level=debug", "--set", "log.format=json"];
  server = await startBuilt([join(root, "models/churn"), ...log]);
  client = new GrpcClient(server.grpc);
});

afterAll(async () => {
  client?.close();
  await server?.stop("SIGKILL");
});

async function metric(name: string): Promise<number> {
  const { text } = await get(`${server.url}/metrics`);
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

/** The access lines of one request id. */
function linesOf(id: string): Plain[] {
  const lines = server.output().split("\n");
  const calls = lines.filter(
    (each) => each.includes('"message":"call"') && each.includes(`"${id}"`),
  );
  return calls.map((each) => JSON.parse(each) as Plain);
}

test("each call has a line with its status, code, model and time", async () => {
  const asked = (id: string, model: string) =>
    client.call(
      `${oip}/ModelInfer`,
      { ...request, model_name: model },
      { metadata: { "x-request-id": id } },
    );
  expect((await asked("seen-1", "churn")).code).toBe(0);
  expect((await asked("seen-2", "nobody")).code).toBe(5);
  await until(async () => linesOf("seen-1").length + linesOf("seen-2").length === 2, 5_000);
  const path = `/${oip}/ModelInfer`;
  const took_ms = expect.any(Number);
  const answered = { level: "debug", path, status: 0, code: "OK", took_ms };
  expect(linesOf("seen-1")[0]).toMatchObject({ ...answered, model: "churn", version: "1.0.0" });
  const refused = { level: "debug", path, status: 5, code: "MODEL_NOT_FOUND", took_ms };
  expect(linesOf("seen-2")[0]).toMatchObject(refused);
});

test("a stream has a line for each message and one for itself", async () => {
  const terms = { metadata: { "x-request-id": "seen-3" } };
  const { replies } = await client.exchange(`${oip}/ModelStreamInfer`, [request, request], terms);
  expect(replies).toHaveLength(2);
  await until(async () => linesOf("seen-3").length === 3, 5_000);
  expect(linesOf("seen-3").map((line) => line["model"])).toEqual(["churn", "churn", undefined]);
});

test("messages are counted with their inflated bytes, streams while open", async () => {
  await until(async () => (await metric("millrace_grpc_streams")) === 0, 5_000);
  const [count, sum] = [
    await metric("millrace_grpc_message_bytes_count"),
    await metric("millrace_grpc_message_bytes_sum"),
  ];
  const name = "n".repeat(300);
  await client.call(`${oip}/ModelReady`, { name });
  expect(await metric("millrace_grpc_message_bytes_count")).toBe(count + 1);
  // A key of one byte, a length of two, the name.
  expect(await metric("millrace_grpc_message_bytes_sum")).toBe(sum + 3 + name.length);
  const { text } = await get(`${server.url}/metrics`);
  expect(text).toContain('millrace_grpc_message_bytes_bucket{le="256"}');
  const streams = [1, 2, 3].map(() => client.open(`${oip}/ModelStreamInfer`));
  await until(async () => (await metric("millrace_grpc_streams")) === 3, 5_000);
  for (const stream of streams) stream.cancel();
  await until(async () => (await metric("millrace_grpc_streams")) === 0, 5_000);
});
