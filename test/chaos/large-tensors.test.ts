// Goal: memory of large requests and answers is used again and none of it is ever seen by another
// caller: every answer is exactly what its caller sent. Method: a model that answers what it is
// asked, every caller with bytes of its own, through REST and gRPC, of all sizes, at once; some
// leave in the middle, some read slowly, some want a deflated answer; workers are killed meanwhile.
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/index.ts";
import { inferRequest, prefixed } from "../../tools/grpc-requests.ts";
import { identity, widen } from "../../tools/onnx/models.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { RawGrpc } from "../support/raw-grpc.ts";
import { Seeded } from "../support/seeded.ts";
import { isFull, metric, pause, startServer, writeModels } from "./chaos-rig.ts";

const callers = 12;
const turns = isFull ? 400 : 15;
const path = "/v2/models/echo/infer";

/** Bytes that only this caller sends, in this turn. */
function payload(random: Random, mark: number): Buffer {
  return bytesOf(1 + Math.floor(4 ** (4 + random.next() * 6)), mark);
}

function bytesOf(count: number, mark: number): Buffer {
  const words = new Uint32Array(count);
  let state = mark * 7919 + 1;
  for (let at = 0; at < count; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = state;
  }
  return Buffer.from(words.buffer);
}

function bodyOf(bytes: Buffer): { body: Buffer; jsonBytes: number } {
  const head = Buffer.from(
    JSON.stringify({
      inputs: [
        {
          name: "x",
          shape: [1, bytes.length / 4],
          datatype: "INT32",
          parameters: { binary_data_size: bytes.length },
        },
      ],
      parameters: { binary_data_output: true },
    }),
  );
  return { body: Buffer.concat([head, bytes]), jsonBytes: head.length };
}

/** What the server makes of `bytes`; `undefined` when it says that it could not. */
type Ask = (server: BuiltServer, bytes: Buffer) => Promise<Buffer | undefined>;

async function overRest(
  server: BuiltServer,
  bytes: Buffer,
  encoding: string,
): Promise<Buffer | undefined> {
  const { body, jsonBytes } = bodyOf(bytes);
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(jsonBytes),
      "accept-encoding": encoding,
    },
    body: new Uint8Array(body),
  });
  const reply = Buffer.from(await response.arrayBuffer());
  if (response.status === 503) return undefined;
  expect([response.status, response.status === 200 ? "" : reply.toString()]).toEqual([200, ""]);
  return reply.subarray(Number(response.headers.get("inference-header-content-length")));
}

/** Takes a little of the answer at a time. */
async function slowly(server: BuiltServer, bytes: Buffer): Promise<Buffer | undefined> {
  const { body, jsonBytes } = bodyOf(bytes);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const headers = { "inference-header-content-length": jsonBytes, "content-length": body.length };
  const asked = httpRequest(server.url + path, { method: "POST", headers }, async (response) => {
    const parts: Buffer[] = [];
    for await (const part of response) {
      parts.push(part as Buffer);
      if (parts.length % 8 === 0) await pause(2);
    }
    const from = Number(response.headers["inference-header-content-length"] ?? 0);
    resolve(response.statusCode === 200 ? Buffer.concat(parts).subarray(from) : undefined);
  });
  asked.on("error", reject);
  asked.end(body);
  return await promise;
}

async function overGrpc(client: GrpcClient, bytes: Buffer): Promise<Buffer | undefined> {
  const end = await client.call("inference.GRPCInferenceService/ModelInfer", {
    model_name: "echo",
    inputs: [{ name: "x", datatype: "INT32", shape: [1, bytes.length / 4] }],
    raw_input_contents: [bytes],
  });
  if (end.code === 14) return undefined;
  expect([end.code, end.details]).toEqual([0, ""]);
  return (end.reply["raw_output_contents"] as Buffer[])[0];
}

/** Sends all or a part of a request, and leaves when some of the answer or none is there. */
async function leaves(server: BuiltServer, bytes: Buffer, random: Random): Promise<void> {
  const { body, jsonBytes } = bodyOf(bytes);
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  const head =
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n` +
    `inference-header-content-length: ${jsonBytes}\r\n\r\n`;
  socket.write(head);
  const isWhole = random.next() < 0.7;
  socket.write(isWhole ? body : body.subarray(0, Math.floor(body.length * random.next())));
  if (isWhole && random.next() < 0.5) socket.once("data", () => socket.destroy());
  await pause(random.next() * 20);
  socket.destroy();
}

async function run(server: BuiltServer, caller: number): Promise<number> {
  const random = seededRandom(caller + 1);
  const client = new GrpcClient(server.grpc);
  const ways: Ask[] = [
    (of, bytes) => overRest(of, bytes, "identity"),
    (of, bytes) => overRest(of, bytes, "gzip"),
    slowly,
    (_, bytes) => overGrpc(client, bytes),
    (_, bytes) => overGrpc(client, bytes),
  ];
  let answered = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    const bytes = payload(random, caller * 10_000 + turn);
    if (random.next() < 0.2) await leaves(server, payload(random, turn), random);
    const way = ways[Math.floor(random.next() * ways.length)];
    const answer = await way?.(server, bytes);
    if (answer === undefined) continue;
    answered += 1;
    compare(answer, bytes, `caller ${caller}, turn ${turn}`);
  }
  client.close();
  return answered;
}

function compare(answer: Buffer | undefined, bytes: Buffer, who: string): void {
  if (answer !== undefined && Buffer.compare(answer, bytes) === 0) return;
  const at = bytes.findIndex((byte, place) => answer?.[place] !== byte);
  expect.unreachable(`${who}: another answer from byte ${at} of ${answer?.length}`);
}

async function talk(args: readonly string[], kills: number): Promise<void> {
  const folder = writeModels({ "echo.onnx": identity("INT32", [-1, -1]) });
  const server = await startServer([`${folder}/echo.onnx`, ...args]);
  let isOver = false;
  const killing = (async () => {
    for (let kill = 0; kill < kills && !isOver; kill += 1) {
      await pause(1_500);
      if (isOver) return;
      const [worker] = await server.workers();
      if (worker !== undefined) process.kill(worker, "SIGKILL");
    }
  })();
  const asking = Array.from({ length: callers }, (_, caller) => run(server, caller));
  const answered = (await Promise.all(asking)).reduce((sum, each) => sum + each, 0);
  isOver = true;
  await killing;
  expect(answered).toBeGreaterThan(callers * turns * 0.5);
  await until(
    async () => (await metric(server, "millrace_in_flight_requests")) === 0,
    10_000,
    () => "requests in flight",
  );
  expect(await server.stop()).toBe(0);
}

/** Numbers of an answer of `wide`: 512 KiB of the only one that was sent. */
const wide = 2 ** 17;

async function askWide(server: BuiltServer, value: number): Promise<Buffer> {
  const response = await fetch(`${server.url}/v2/models/wide/infer`, {
    method: "POST",
    // What is deflated is copied.
    headers: { "content-type": "application/json", "accept-encoding": "identity" },
    body: JSON.stringify({
      inputs: [{ name: "x", shape: [1, 1], datatype: "FP32", data: [value] }],
      parameters: { binary_data_output: true },
    }),
  });
  const reply = Buffer.from(await response.arrayBuffer());
  return reply.subarray(Number(response.headers.get("inference-header-content-length")));
}

/** The same, but takes 256 bytes at a time: the rest waits in the server. */
async function askWideNarrowly(server: BuiltServer, value: number): Promise<Buffer> {
  const terms = { windowBytes: 256, frameBytesMax: 16_384, writeBytesMax: 2 ** 20 };
  const client = new RawGrpc(server.grpc, new Seeded(value), terms);
  const raw = Buffer.from(new Float32Array([value]).buffer);
  const message = inferRequest({ model: "wide", shape: [1, 1], raw });
  const method = "/inference.GRPCInferenceService/ModelInfer";
  const { status, body } = await client.call(method, prefixed(message));
  client.close();
  expect(status).toBe("0");
  return body.subarray(-4 * wide);
}

/** How many runs had two requests. */
async function runsOfTwo(server: BuiltServer): Promise<number> {
  const response = await fetch(`${server.url}/v2/models/wide/stats`);
  const { model_stats } = (await response.json()) as {
    model_stats: { batch_stats: { batch_size: number; compute_infer: { count: number } }[] }[];
  };
  const sizes = model_stats[0]?.batch_stats ?? [];
  return sizes.find(({ batch_size }) => batch_size === 2)?.compute_infer.count ?? 0;
}

test("two who share the memory of one answer read only their part of it", async () => {
  const folder = writeModels({ "wide.onnx": widen(wide) });
  const server = await startServer([`${folder}/wide.onnx`]);
  const slow: Promise<void>[] = [];
  for (let wave = 0; wave < (isFull ? 400 : 40); wave += 1) {
    const check = (value: number) => (answer: Buffer) => {
      const floats = new Float32Array(wide).fill(value);
      compare(answer, Buffer.from(floats.buffer), `wave ${wave}, ${value}`);
    };
    // The first runs alone, and the two that come meanwhile together.
    const values = [0, 1, 2].map((caller) => 1 + wave * 3 + caller) as [number, number, number];
    const [first, second, third] = values;
    const fast = [askWide(server, first).then(check(first))];
    fast.push(askWide(server, second).then(check(second)));
    slow.push(askWideNarrowly(server, third).then(check(third)));
    await Promise.all(fast);
  }
  await Promise.all(slow);
  expect(await runsOfTwo(server)).toBeGreaterThan(5);
  expect(await server.stop()).toBe(0);
}, 600_000);

test("large tensors of many callers are never mixed up", async () => {
  await talk([], 0);
}, 600_000);

test("nor while workers die", async () => {
  await talk([], isFull ? 30 : 2);
}, 600_000);

test.runIf(isFull)(
  "nor with two fronts",
  async () => {
    await talk(["--fronts", "2"], 0);
  },
  600_000,
);
