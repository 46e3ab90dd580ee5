// Goal: liveness answers whatever callers send: large bodies, all workers busy, all workers dead.
// Method: R25 in its short form, health asked every few milliseconds meanwhile. The bound is five
// times the promise and one of three tries has to keep it, so that only a blocked loop breaks it
// and not a busy machine.
import { kill } from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { slowRows } from "../../tools/onnx/loads.ts";
import { identity } from "../../tools/onnx/models.ts";
import { post, until } from "../support/built-server.ts";
import { demoModels, type House, openHouse } from "./hostile-house.ts";
import { postBytes, RawConnection } from "./raw-http.ts";

const liveMsMax = 500;
const mi = 1024 * 1024;

let house: House;

beforeAll(async () => {
  house = await openHouse({
    files: {
      "wide/1/model.onnx": identity("FP32", ["batch", "n"]),
      "slow/1/model.onnx": slowRows(),
    },
    args: [demoModels],
    limits: { jsonInlineBytesMax: mi },
    growthBytesMax: 400 * mi,
  });
});
afterAll(() => house.close());

const live = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";

/** Latencies of liveness, in ms, sorted, while `work` is under way. */
async function latenciesDuring(work: Promise<unknown>): Promise<number[]> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  const latencies: number[] = [];
  const connection = new RawConnection(house.port);
  while (!isOver || latencies.length < 20) {
    const startMs = performance.now();
    await connection.send(live);
    expect((await connection.reply())?.status).toBe(200);
    latencies.push(performance.now() - startMs);
    await new Promise((done) => setTimeout(done, 5));
  }
  connection.destroy();
  await over;
  return latencies.sort((a, b) => a - b);
}

/** Liveness keeps its bound during one of three tries of `work`. */
async function expectLive(work: () => Promise<unknown>): Promise<void> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && bestMs >= liveMsMax; tries += 1) {
    const sorted = await latenciesDuring(work());
    bestMs = Math.min(bestMs, sorted[Math.floor(sorted.length * 0.99)] ?? 0);
  }
  expect(bestMs).toBeLessThan(liveMsMax);
}

async function send(path: string, body: Buffer): Promise<number | undefined> {
  const connection = new RawConnection(house.port);
  await connection.send(postBytes(path, body));
  const status = (await connection.reply(false, 60_000))?.status;
  connection.destroy();
  return status;
}

const numbers = "1.2345678,".repeat(800_000);
const bodies: readonly (readonly [what: string, path: string, body: string])[] = [
  [
    "a tensor of 8 MB",
    "/v2/models/wide/infer",
    `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,800001],"data":[${numbers}1]}]}`,
  ],
  ["8 MB of features", "/predict?model=row", `{"features":[${numbers}1]}`],
  ["8 MB of nothing", "/predict?model=row", `{"features":[1,2,3,4]${" ".repeat(8_000_000)}}`],
  ["8 MB of an unknown key", "/predict?model=row", `{"z":[${numbers}1],"features":[1,2,3,4]}`],
  ["8 MB without a model's name", "/predict", `{"z":[${numbers}1],"features":[1,2,3,4]}`],
  [
    "a list of 9,000 calls",
    "/batch_predict",
    `[${new Array(9_000).fill('{"model_name":"row","input_data":[[1,2,3,4]]}').join(",")}]`,
  ],
  ["an empty list of 4 million brackets", "/batch_predict", `[${"[],".repeat(2_600_000)}[]]`],
  [
    "8 MB beside rows of TensorFlow Serving",
    "/v1/models/row:predict",
    `{"z":[${numbers}1],"instances":[[1,2,3,4]]}`,
  ],
  [
    "8 MB before the key of an invocation",
    "/invocations?model=row",
    `{"z":[${numbers}1],"instances":[[1,2,3,4]]}`,
  ],
  ["8 MB of one value", "/predictions/row", `[[${numbers}1]]`],
  ["a string of 8 MB", "/predict?model=sentiment", `{"text":"${"\\n".repeat(3_990_000)}"}`],
];

test.each(bodies)("live answers while %s is read", async (_, path, body) => {
  const bytes = Buffer.from(body);
  await expectLive(async () => {
    for (let round = 0; round < 3; round += 1) {
      const statuses = await Promise.all([send(path, bytes), send(path, bytes)]);
      for (const status of statuses) expect([200, 400, 503]).toContain(status);
    }
  });
});

test("live answers while all workers are busy", async () => {
  const input = { name: "x", datatype: "FP32", shape: [1, 1], data: [1_000_000] };
  const one = (): Promise<unknown> =>
    post(`${house.url}/v2/models/slow/infer`, { inputs: [input] });
  await expectLive(() => Promise.all([one(), one(), one(), one()]));
});

test("live answers while all workers are dead, and they come back", async () => {
  await expectLive(async () => {
    for (const pid of await house.workers()) kill(pid, "SIGKILL");
    await until(async () => (await fetch(`${house.url}/health/ready`)).ok, 30_000);
  });
  const input = { name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2.5, -3, 4] };
  await until(async () => {
    const { status } = await post(`${house.url}/v2/models/row/infer`, { inputs: [input] });
    return status === 200;
  }, 30_000);
  const allowed = ["MODEL_NOT_READY", "WORKER_LOST", "QUEUE_FULL", "OVERLOADED"];
  await house.endsWell({ allowed });
});
