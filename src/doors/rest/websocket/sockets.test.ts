// Goal: many predictions share a socket, each answered by its own rows under its own id, in the
// order asked for; faults are told per message; limits, draining and leaving end in the right code
// and leave nothing behind. Method: a door over models in memory, spoken to by Node's own
// WebSocket.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { type Limits, ServingError } from "../../../base/index.ts";
import type { InferenceRequest, RequestContext } from "../../../predict/index.ts";
import { makeTensor, type Tensor } from "../../../tensor/index.ts";

let rig: RestRig;
let contexts: RequestContext[] = [];
/** The first number of a row: what holds the answer of `slow` back, ms. */
function delayOf({ inputs: [given] }: InferenceRequest): number {
  return Number(given?.elements instanceof Float32Array ? given.elements[0] : 0);
}

function double(request: InferenceRequest): Tensor[] {
  const given = request.inputs[0]?.elements as Float32Array;
  return [
    makeTensor(
      "FP32",
      [request.items, 2],
      given.map((value) => 2 * value),
    ),
  ];
}

async function open(own: Partial<Limits> = {}, origins: readonly string[] = []): Promise<void> {
  const spec = { name: "x", dtype: "FP32", shape: [-1, 2] } as const;
  const model = {
    inputs: [inputSpec(spec)],
    outputs: [outputSpec({ ...spec, name: "y" })],
  };
  rig = await openRestRig(
    [
      { ...model, name: "quick", run: double },
      {
        ...model,
        name: "slow",
        async run(request, context) {
          contexts.push(context);
          const { promise, resolve, reject } = Promise.withResolvers<void>();
          setTimeout(resolve, delayOf(request));
          context.cancellation.onCancel(reject);
          await promise;
          return double(request);
        },
      },
    ],
    own,
    { cors: { origins, maxAgeS: 600 } },
  );
}

beforeEach(() => {
  contexts = [];
});
afterEach(() => rig.close());

interface Caller {
  readonly ws: WebSocket;
  readonly replies: (Record<string, unknown> | Buffer)[];
  readonly closed: Promise<{ code: number; reason: string }>;
  got(count: number): Promise<void>;
}

async function call(path: string, headers: Record<string, string> = {}): Promise<Caller> {
  // Node's own takes headers too, which the types of the browser's do not know.
  const ws = new WebSocket(`${rig.url.replace("http", "ws")}${path}`, { headers } as never);
  ws.binaryType = "arraybuffer";
  const replies: Caller["replies"] = [];
  ws.addEventListener("message", ({ data }) => {
    if (typeof data === "string") replies.push(JSON.parse(data) as Record<string, unknown>);
    else replies.push(Buffer.from(data as ArrayBuffer));
  });
  const closed = new Promise<{ code: number; reason: string }>((done) => {
    ws.addEventListener("close", ({ code, reason }) => done({ code, reason }));
  });
  await new Promise<void>((done, fail) => {
    ws.addEventListener("open", () => done());
    ws.addEventListener("error", () => fail(new Error("refused")));
  });
  const got = (count: number): Promise<void> =>
    vi.waitFor(() => expect(replies.length).toBe(count), 5_000);
  return { ws, replies, closed, got };
}

const row = (id: unknown, first: number): string => JSON.stringify({ id, features: [first, 1] });

async function isIdle(): Promise<void> {
  await vi.waitFor(() => {
    const { service } = rig;
    const inFlight = service.metrics.all().reduce((sum, each) => sum + each.inFlight, 0);
    expect([service.streams.count, service.streams.unreadBytes, inFlight]).toEqual([0, 0, 0]);
  }, 5_000);
}

test("answers each message under its id, as they complete", async () => {
  await open();
  const caller = await call("/predict/ws?model=slow");
  for (const [id, ms] of [
    ["a", 120],
    [2, 60],
    ["c", 1],
  ] as const)
    caller.ws.send(row(id, ms));
  await caller.got(3);
  expect(caller.replies).toMatchObject([
    { id: "c", prediction: [2, 2], model_name: "slow" },
    { id: 2, prediction: [120, 2] },
    { id: "a", prediction: [240, 2] },
  ]);
  caller.ws.close();
  await isIdle();
  expect(rig.service.metrics.of("slow", "1.0.0").requests.at("websocket", "OK")).toBe(3);
});

test("answers in the order of the messages where that is asked for", async () => {
  await open();
  const caller = await call("/predict/ws?model=slow&order=sent");
  const sent = [90, 1, 50, 1, 10];
  for (const [id, ms] of sent.entries()) caller.ws.send(row(id, ms));
  caller.ws.send("nonsense");
  await caller.got(6);
  const [last, ...rest] = caller.replies.toReversed() as Record<string, unknown>[];
  expect(rest.toReversed().map((reply) => reply["id"])).toEqual([0, 1, 2, 3, 4]);
  expect(last).toMatchObject({ code: "INVALID_REQUEST" });
  expect(last).not.toHaveProperty("id");
});

test("tells the fault of each message, with its id where there is one", async () => {
  await open();
  const caller = await call("/predict/ws");
  const messages: [string | Buffer, Record<string, unknown>][] = [
    ['{"id":1,"features":[1,2]}', { id: 1, code: "INVALID_REQUEST" }],
    ['{"model_name":"no","id":"x","features":[1,2]}', { id: "x", code: "MODEL_NOT_FOUND" }],
    [
      '{"id":3,"model_name":"quick","features":[1]}',
      { id: 3, code: "INVALID_INPUT", field: "features" },
    ],
    ['{"id":[4],"model_name":"quick","features":[1,2]}', { code: "INVALID_INPUT" }],
    [
      `{"id":"${"x".repeat(1_100)}","model_name":"quick","features":[1,2]}`,
      { code: "LIMIT_EXCEEDED" },
    ],
    ['{"id":6,"model_name":"quick","features":[1,2]', { id: 6, code: "INVALID_REQUEST" }],
    ["", { code: "INVALID_REQUEST" }],
    [Buffer.from("{}"), { code: "INVALID_REQUEST" }],
    ['{"id":null,"model_name":"quick","features":[1,2]}', { prediction: [2, 4] }],
  ];
  for (const [index, [message, reply]] of messages.entries()) {
    caller.ws.send(message as string);
    await caller.got(index + 1);
    expect(caller.replies.at(-1)).toMatchObject(reply);
  }
  caller.ws.close();
  await isIdle();
});

test("a field of the model that is called id belongs in features", async () => {
  const columns = ["id", "b"].map((name) => ({ name, dtype: "FP32" }));
  const spec = { name: "x", dtype: "FP32", shape: [-1, 2] } as const;
  rig = await openRestRig([
    {
      name: "named",
      inputs: [inputSpec(spec, { columns: columns as never })],
      outputs: [outputSpec({ ...spec, name: "y" })],
      run: double,
    },
  ]);
  const caller = await call("/predict/ws");
  caller.ws.send('{"id":"m1","features":{"id":4,"b":5}}');
  await caller.got(1);
  expect(caller.replies[0]).toMatchObject({ id: "m1", prediction: [8, 10] });
});

function binaryMessage(json: unknown, tensor: Buffer, length?: number): Buffer {
  const head = Buffer.from(JSON.stringify(json));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(length ?? head.length);
  return Buffer.concat([size, head, tensor]);
}

test("speaks tensors: text, binary, and what does not fit in them", async () => {
  await open();
  const caller = await call("/v2/models/quick/versions/1.0.0/ws");
  const input = { name: "x", datatype: "FP32", shape: [1, 2] };
  caller.ws.send(JSON.stringify({ id: "t", inputs: [{ ...input, data: [1, 2] }] }));
  await caller.got(1);
  expect(caller.replies[0]).toMatchObject({ id: "t", outputs: [{ name: "y", data: [2, 4] }] });
  const numbers = Buffer.from(new Float32Array([3, 4]).buffer);
  const json = {
    id: "b",
    parameters: { binary_data_output: true },
    inputs: [{ ...input, parameters: { binary_data_size: 8 } }],
  };
  caller.ws.send(binaryMessage(json, numbers));
  await caller.got(2);
  const reply = caller.replies[1] as Buffer;
  const to = 4 + reply.readUInt32LE(0);
  expect(JSON.parse(reply.toString("utf8", 4, to))).toMatchObject({ id: "b", model_name: "quick" });
  expect([reply.readFloatLE(to), reply.readFloatLE(to + 4), reply.length - to]).toEqual([6, 8, 8]);
  const wrong = [
    binaryMessage(json, numbers, 5_000),
    binaryMessage(json, numbers.subarray(0, 4)),
    Buffer.from([1]),
    '{"id":"z","inputs":[]}',
  ];
  for (const [index, message] of wrong.entries()) {
    caller.ws.send(message as string);
    await caller.got(3 + index);
  }
  expect(caller.replies.slice(2)).toMatchObject([
    { code: "INVALID_REQUEST", error: expect.stringContaining("little endian") },
    { id: "b", code: "INVALID_REQUEST", error: expect.stringContaining("binary_data_size") },
    { code: "INVALID_REQUEST" },
    { id: "z", code: "INVALID_INPUT" },
  ]);
  // A raw message: no JSON, the rest is the only input.
  caller.ws.send(Buffer.concat([Buffer.alloc(4), numbers]));
  await caller.got(7);
  const raw = caller.replies[6] as Buffer;
  expect(raw.readFloatLE(4 + raw.readUInt32LE(0))).toBe(6);
});

test("runs no more messages of a socket at once than the limit, and loses none", async () => {
  await open({ socketRequestsMax: 3 });
  const caller = await call("/predict/ws?model=slow");
  const inFlight = (): number => rig.service.metrics.of("slow", "1.0.0").inFlight;
  for (let id = 0; id < 40; id += 1) caller.ws.send(row(id, 5));
  let most = 0;
  await vi.waitFor(
    () => {
      most = Math.max(most, inFlight());
      expect(caller.replies.length).toBe(40);
    },
    { timeout: 5_000, interval: 1 },
  );
  expect(most).toBeLessThanOrEqual(3);
  const ids = caller.replies.map((reply) => Number((reply as Record<string, unknown>)["id"]));
  expect(ids.toSorted((a, b) => a - b)).toEqual([...Array(40).keys()]);
});

test("a caller who leaves cancels what is under way", async () => {
  await open();
  const caller = await call("/predict/ws?model=slow");
  for (let id = 0; id < 5; id += 1) caller.ws.send(row(id, 60_000));
  await vi.waitFor(() => expect(contexts.length).toBe(5));
  caller.ws.close();
  await isIdle();
  expect(contexts.every(({ cancellation }) => cancellation.isCancelled)).toBe(true);
  expect(rig.service.metrics.of("slow", "1.0.0").requests.at("websocket", "CANCELLED")).toBe(5);
});

test("a drain answers what is under way, closes with 1001, opens nothing new", async () => {
  await open();
  const busy = await call("/predict/ws?model=slow");
  const quiet = await call("/predict/ws");
  busy.ws.send(row("last", 150));
  await vi.waitFor(() => expect(contexts.length).toBe(1));
  rig.service.phase = "stopped";
  rig.door.drainSockets();
  expect(await quiet.closed).toMatchObject({ code: 1001 });
  expect(busy.replies.length).toBe(0);
  expect((await busy.closed).code).toBe(1001);
  expect(busy.replies).toMatchObject([{ id: "last" }]);
  await isIdle();
  await expect(call("/predict/ws")).rejects.toThrow("refused");
});

test("closes with 1013 over the limit of streams, with 1009 over that of a message", async () => {
  await open({ streamsMax: 1, jsonBodyBytesMax: 200, wsFrameBytesMax: 300 });
  const first = await call("/predict/ws?model=quick");
  const second = await call("/predict/ws");
  expect(await second.closed).toMatchObject({
    code: 1013,
    reason: "1 streams are open (streamsMax)",
  });
  first.ws.send(`${row(1, 2)}${" ".repeat(200 - row(1, 2).length)}`);
  await first.got(1);
  first.ws.send(" ".repeat(201));
  expect(await first.closed).toMatchObject({ code: 1009 });
  await isIdle();
  const tensors = await call("/v2/models/quick/ws");
  tensors.ws.send(" ".repeat(201));
  await tensors.got(1);
  expect(tensors.replies[0]).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
  tensors.ws.send(Buffer.alloc(301));
  expect(await tensors.closed).toMatchObject({ code: 1009 });
  const { limitHits } = rig.service.metrics;
  expect(
    ["streamsMax", "jsonBodyBytesMax", "wsFrameBytesMax"].map((name) =>
      limitHits.count(name as never),
    ),
  ).toEqual([1, 2, 1]);
});

test("a caller who answers pings lives longer than it may be silent", async () => {
  await open({ socketSilentMsMax: 240 });
  const caller = await call("/predict/ws?model=quick");
  await new Promise((done) => setTimeout(done, 700));
  caller.ws.send(row(1, 2));
  await caller.got(1);
  expect(rig.service.metrics.limitHits.count("socketSilentMsMax")).toBe(0);
});

interface Handshake {
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

/** A handshake by hand; gives the status line and the body. */
async function handshake({ path = "/predict/ws", headers = {} }: Handshake) {
  const { connect } = await import("node:net");
  const lines = Object.entries({
    host: `127.0.0.1:${rig.door.port}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(rig.door.port, "127.0.0.1");
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const text = await new Promise<string>((done) => {
    let all = "";
    socket.on("data", (bytes) => {
      all += String(bytes);
      // Head and body leave in one write.
      if (all.includes("\r\n\r\n")) done(all);
    });
    socket.on("close", () => done(all));
    socket.on("end", () => done(all));
  });
  socket.destroy();
  return { status: Number(text.slice(9, 12)), text };
}

test("answers what is wrong with a handshake in HTTP", async () => {
  await open();
  const cases: [Handshake, number, string][] = [
    [{}, 101, ""],
    [{ path: "/predict/ws?order=sent" }, 101, ""],
    [{ path: "/predict/ws?order=random" }, 400, "INVALID_REQUEST"],
    [{ path: "/predict" }, 404, "NOT_FOUND"],
    [{ path: "/v2/models/no/ws" }, 404, "MODEL_NOT_FOUND"],
    [{ path: "/v2/models/quick/versions/9/ws" }, 404, "VERSION_NOT_FOUND"],
    [{ path: `/predict/ws?${"x".repeat(5_000)}` }, 414, "URI_TOO_LONG"],
    [{ headers: { origin: "http://elsewhere.org" } }, 403, "PERMISSION_DENIED"],
    [{ headers: { origin: `http://127.0.0.1:${rig.door.port}` } }, 101, ""],
    [{ headers: { "x-request-timeout-ms": "soon" } }, 400, "x-request-timeout-ms"],
    [{ headers: { "x-request-priority": "-1" } }, 400, "x-request-priority"],
    [{ headers: { "sec-websocket-version": "7" } }, 400, "x-error-code: INVALID_REQUEST"],
    [{ headers: { "sec-websocket-key": "short" } }, 400, "Sec-WebSocket-Key"],
    [{ headers: { "sec-websocket-protocol": "a,,b" } }, 400, "Sec-WebSocket-Protocol"],
  ];
  for (const [asked, status, word] of cases) {
    const answer = await handshake(asked);
    expect([asked, answer.status]).toEqual([asked, status]);
    expect(answer.text).toContain(word);
  }
  await isIdle();
  const plain = await fetch(`${rig.url}/predict/ws`);
  expect([plain.status, await plain.json()]).toMatchObject([400, { field: "upgrade" }]);
  // Another protocol is left alone.
  const h2c = await handshake({ path: "/health/live", headers: { upgrade: "h2c" } });
  expect(h2c.status).toBe(200);
});

test("lets pages of other hosts in where they are named", async () => {
  await open({}, ["http://elsewhere.org"]);
  expect((await handshake({ headers: { origin: "http://elsewhere.org" } })).status).toBe(101);
  expect((await handshake({ headers: { origin: "http://other.org" } })).status).toBe(403);
});

test("each message has the time of the handshake, from when it came", async () => {
  await open({ deadlineMsMax: 9_000 });
  const terms = { "x-request-timeout-ms": "700", "x-request-priority": "2", "x-model": "slow" };
  const caller = await call("/predict/ws", terms);
  caller.ws.send(row(1, 1));
  await caller.got(1);
  await new Promise((done) => setTimeout(done, 30));
  caller.ws.send(row(2, 1));
  await caller.got(2);
  const [first, second] = contexts;
  for (const context of [first, second]) {
    const allowedMs = (context?.deadlineAtMs ?? 0) - (context?.times.arrivedAtMs ?? 0);
    expect(allowedMs).toBeCloseTo(700, 3);
    expect(context?.priority).toBe(2);
  }
  const apartMs = (second?.times.arrivedAtMs ?? 0) - (first?.times.arrivedAtMs ?? 0);
  expect(apartMs).toBeGreaterThan(20);
  const cut = await call("/predict/ws", { ...terms, "x-request-timeout-ms": "100000" });
  cut.ws.send(row(3, 1));
  await cut.got(1);
  const last = contexts.at(-1);
  expect((last?.deadlineAtMs ?? 0) - (last?.times.arrivedAtMs ?? 0)).toBeCloseTo(9_000, 3);
});

test("a message has the time that it asks for itself", async () => {
  await open();
  const caller = await call("/v2/models/slow/ws");
  const input = { name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] };
  caller.ws.send(JSON.stringify({ parameters: { timeout: 5_000_000 }, inputs: [input] }));
  await caller.got(1);
  const [context] = contexts;
  const allowedMs = (context?.deadlineAtMs ?? 0) - (context?.times.arrivedAtMs ?? 0);
  expect(allowedMs).toBeCloseTo(5_000, 3);
});

test("a fault of ours is told as INTERNAL and ends nothing", async () => {
  await open();
  vi.spyOn(rig.service, "infer").mockImplementationOnce(() => {
    throw new RangeError("secret");
  });
  const caller = await call("/predict/ws?model=quick");
  caller.ws.send(row(1, 2));
  await caller.got(1);
  expect(caller.replies[0]).toMatchObject({ id: 1, code: ServingError.from(1).code });
  expect(JSON.stringify(caller.replies)).not.toContain("secret");
  caller.ws.send(row(2, 2));
  await caller.got(2);
});
