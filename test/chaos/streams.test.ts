// Goal: hundreds of streams of every kind at once, with readers who are slow, stop and leave at
// random, hold memory within their marks and leave nothing behind (R18).
// Method: a seeded crowd on raw sockets and gRPC channels against the built server; its counters,
// its handles and its memory.
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/index.ts";
import { frame } from "../security/raw-socket.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { openFiles, residentBytes } from "../support/process-figures.ts";
import { wide } from "./chaos-models.ts";
import {
  column,
  infer,
  isFull,
  metric,
  pause,
  setting,
  startServer,
  writeModels,
} from "./chaos-rig.ts";

const streams = isFull ? 1_000 : 200;
const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_261_127);
const [columns, rows, markBytes] = [256, 2_000, 65_536];
const mi = 1024 * 1024;

/** Lets a test ask for a collection: what waits for one is not held. */
const collect = new URL("../security/collect-garbage.ts", import.meta.url).href;

/** The C library hands freed blocks back at once, so that what is resident is held. */
const memory = { MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "131072" };

async function heldBytes(server: BuiltServer): Promise<number> {
  process.kill(server.pid, "SIGUSR2");
  await pause(50);
  return residentBytes(server.pid);
}

const instances = Array.from({ length: rows }, (_, index) => [index + 0.5]);
const streamBody = JSON.stringify({ instances });
const messages = Buffer.concat(
  Array.from({ length: 200 }, (_, id) =>
    frame(JSON.stringify({ id, instances: instances.slice(0, 20) })),
  ),
);

/** Small messages with large replies that cost little: raw tensors. */
const tensorMessages = Buffer.concat(
  Array.from({ length: 1_000 }, (_, id) =>
    frame(
      JSON.stringify({
        ...{ id: String(id), parameters: { binary_data_output: true } },
        inputs: [column(instances.slice(0, 20).map(([value]) => value ?? 0))],
      }),
    ),
  ),
);

type Kind = "lines" | "events" | "items" | "socket" | "tensors";

function opening(kind: Kind): Buffer | string {
  const post = (path: string, body: string, accept: string): string =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\naccept: ${accept}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  if (kind === "lines") return post("/predict/stream", streamBody, "*/*");
  if (kind === "events") return post("/predict/stream", streamBody, "text/event-stream");
  if (kind === "items") {
    const inputs = [column(instances.map(([value]) => value ?? 0))];
    return post("/v2/models/wide/infer_stream", JSON.stringify({ inputs }), "*/*");
  }
  return (
    `GET ${kind === "socket" ? "/predict/ws" : "/v2/models/wide/ws"} HTTP/1.1` +
    "\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  );
}

/** One reader: fast, slow, or one who stops; each may leave at any moment. */
async function visit(port: number, random: Random): Promise<void> {
  const kinds: readonly Kind[] = ["lines", "events", "items", "socket", "tensors"];
  const kind = kinds[Math.floor(random.next() * kinds.length)] ?? "lines";
  const manner = random.next();
  // Those who stop stay longest, or the kernel alone would hold what they do not read.
  const shortMs = manner < 0.65 ? 200 + random.next() * 4_000 : 6_000 + random.next() * 6_000;
  // More of them share the machine, so it takes longer until they are behind.
  const leaveMs = isFull ? 4 * shortMs : shortMs;
  const socket: Socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  const closed = new Promise<void>((done) => socket.once("close", () => done()));
  socket.write(opening(kind));
  let isOpen = false;
  socket.on("data", () => {
    if (kind === "socket" && !isOpen) socket.write(messages);
    if (kind === "tensors" && !isOpen) socket.write(tensorMessages);
    isOpen = true;
    if (manner < 0.3) return;
    socket.pause();
    // The last third never reads again.
    if (manner < 0.65) setTimeout(() => socket.resume(), 20 + random.next() * 200);
  });
  await Promise.race([closed, pause(leaveMs)]);
  if (random.next() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

/** A reader of a gRPC stream of tensors. */
async function visitCalls(target: string, random: Random): Promise<void> {
  const client = new GrpcClient(target);
  const stream = client.open("inference.GRPCInferenceService/ModelStreamInfer");
  const closed = new Promise<void>((done) => stream.once("status", () => done()));
  const floats = Float32Array.from(instances.slice(0, 20), ([value]) => value ?? 0);
  const inputs = [{ name: "x", datatype: "FP32", shape: [20, 1] }];
  for (let id = 0; id < 400; id += 1) {
    const raw_input_contents = [Buffer.from(floats.buffer)];
    stream.write({ model_name: "wide", id: String(id), inputs, raw_input_contents });
  }
  const manner = random.next();
  const shortMs = manner < 0.65 ? 200 + random.next() * 4_000 : 6_000 + random.next() * 6_000;
  stream.on("data", () => {
    if (manner < 0.3) return;
    stream.pause();
    if (manner < 0.65) setTimeout(() => stream.resume(), 20 + random.next() * 200);
  });
  await Promise.race([closed, pause(isFull ? 4 * shortMs : shortMs)]);
  stream.cancel();
  stream.resume();
  await closed;
  client.close();
}

async function idle(server: BuiltServer): Promise<void> {
  for (const name of [
    ...["millrace_streams", "millrace_stream_buffer_bytes", "millrace_in_flight_requests"],
    ...["millrace_queue_items", "millrace_queue_bytes", "millrace_grpc_streams"],
  ]) {
    await until(
      async () => (await metric(server, name)) === 0,
      30_000,
      () => `${name} is not 0`,
    );
  }
}

test.skipIf(process.platform !== "linux")(
  `${streams} streams with readers who are slow, stop and leave stay within their marks`,
  async () => {
    const folder = writeModels({ "wide.onnx": wide(columns) });
    const server = await startServer(
      [
        `${folder}/wide.onnx`,
        ...setting({ "limits.drainDelayMs": 0, "limits.streamBufferBytesMax": markBytes }),
        ...setting({ "limits.streamsKeptBytesMax": 4 * mi }),
      ],
      { env: { NODE_OPTIONS: `--import=${collect}`, ...memory } },
    );
    for (let turn = 0; turn < 10; turn += 1) {
      expect((await infer(server, "wide", { inputs: [column([1, 2, 3])] })).status).toBe(200);
    }
    const idleBytes = await heldBytes(server);
    const idleHandles = openFiles(server.pid);
    const random = seededRandom(seed);
    const most = { streams: 0, bufferBytes: 0, residentBytes: 0, heapBytes: 0 };
    const idleHeapBytes = await metric(server, "millrace_heap_used_bytes");
    let isOver = false;
    const watch = (async () => {
      while (!isOver) {
        most.streams = Math.max(most.streams, await metric(server, "millrace_streams"));
        const buffered = await metric(server, "millrace_stream_buffer_bytes");
        most.bufferBytes = Math.max(most.bufferBytes, buffered);
        most.residentBytes = Math.max(most.residentBytes, (await heldBytes(server)) - idleBytes);
        const heapBytes = (await metric(server, "millrace_heap_used_bytes")) - idleHeapBytes;
        most.heapBytes = Math.max(most.heapBytes, heapBytes);
        await pause(300);
      }
    })();
    await Promise.all(
      Array.from({ length: streams }, (_, place) => {
        const own = seededRandom(random.next() * 2 ** 31);
        return place % 6 === 0 ? visitCalls(server.grpc, own) : visit(server.port, own);
      }),
    );
    isOver = true;
    await watch;
    const told =
      `seed ${seed}: ${most.streams} streams at once, ` +
      `${Math.round(most.bufferBytes / 1_024)} KiB unread, ` +
      `${Math.round(most.residentBytes / mi)} MiB held, ` +
      `${Math.round(most.heapBytes / mi)} MiB of it on the heap\n`;
    process.stdout.write(told);
    expect(most.streams, told).toBeGreaterThan(streams / 4);
    // The mark and a write of at most 64 K characters with one row more.
    expect(most.bufferBytes, told).toBeLessThan(streams * 2.5 * markBytes);
    expect(most.heapBytes, told).toBeLessThan((16 + 0.25 * streams) * mi);
    // A process under this load has grown by 200 MiB, however many streams there are. A gRPC
    // connection may hold 2 MiB for its reader, and each tensor of it the frame that it lies in.
    const calls = Math.ceil(streams / 6);
    expect(most.residentBytes, told).toBeLessThan((256 + 0.5 * streams + 3 * calls) * mi);
    await idle(server);
    // Those of the watch itself and of connections that are kept alive may have changed.
    await until(
      async () => openFiles(server.pid) < idleHandles + 10,
      10_000,
      () => `${openFiles(server.pid)} handles, ${idleHandles} at the start`,
    );
    expect((await infer(server, "wide", { inputs: [column([7])] })).status).toBe(200);
    expect(server.output()).not.toMatch(/a fault of ours|unhandled/i);
    expect(await server.stop()).toBe(0);
  },
  300_000,
);

test("a drain ends sockets with 1001 and exits with 0", async () => {
  const folder = writeModels({ "wide.onnx": wide(4) });
  const server = await startServer([
    `${folder}/wide.onnx`,
    ...setting({ "limits.drainDelayMs": 0 }),
  ]);
  const sockets = Array.from(
    { length: 20 },
    () => new WebSocket(`ws://127.0.0.1:${server.port}/predict/ws`),
  );
  const codes = sockets.map(
    (ws) => new Promise<number>((done) => ws.addEventListener("close", ({ code }) => done(code))),
  );
  const replies = sockets.map(
    (ws) => new Promise<string>((done) => ws.addEventListener("message", ({ data }) => done(data))),
  );
  await Promise.all(
    sockets.map((ws) => new Promise<void>((done) => ws.addEventListener("open", () => done()))),
  );
  for (const [id, ws] of sockets.entries()) ws.send(JSON.stringify({ id, instances: [[id]] }));
  const answered = (await Promise.all(replies)).map((text) => JSON.parse(text) as { id: number });
  expect(answered.map(({ id }) => id)).toEqual([...sockets.keys()]);
  const stopped = server.stop("SIGTERM");
  expect(await Promise.all(codes)).toEqual(sockets.map(() => 1001));
  expect(await stopped).toBe(0);
});
