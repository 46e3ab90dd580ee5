// Goal: every limit of a request holds exactly: limit - 1 and limit pass, limit + 1 is refused with
// its code and its name. Method: the built server with small limits, one request on each side.
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeModel } from "../../tools/onnx/builder.ts";
import { slowRows } from "../../tools/onnx/loads.ts";
import { identity, mixed } from "../../tools/onnx/models.ts";
import { type JsonReply, post, until } from "../support/built-server.ts";
import { type House, openHouse } from "./hostile-house.ts";
import { chunked, postBytes, RawConnection } from "./raw-http.ts";

const limits = {
  jsonBodyBytesMax: 3_000,
  binaryBodyBytesMax: 4_000,
  requestItemsMax: 10,
  rankMax: 3,
  elementsMax: 64,
  inputsMax: 2,
  outputsMax: 3,
  stringElementBytesMax: 100,
  jsonDepthMax: 5,
  queueItemsMax: 12,
  streamsMax: 2,
} as const;

let house: House;

const outputs = ["a", "b", "c", "d"];

beforeAll(async () => {
  house = await openHouse({
    files: {
      "text/1/model.onnx": identity("BYTES", ["batch", 1]),
      "grid/1/model.onnx": identity("FP32", ["a", "b", "c"]),
      "mixed/1/model.onnx": mixed(),
      "slow/1/model.onnx": slowRows(),
      [`${"n".repeat(128)}/1/model.onnx`]: identity("FP32", ["batch", 1]),
      "four/1/model.onnx": writeModel({
        nodes: outputs.map((name) => ({ op: "Identity", inputs: ["x"], outputs: [name] })),
        inputs: [{ name: "x", type: { tensor: "FP32", shape: ["batch", 1] } }],
        outputs: outputs.map((name) => ({ name, type: { tensor: "FP32", shape: ["batch", 1] } })),
      }),
    },
    args: ["--batch-items-max", "4"],
    limits,
  });
});
afterAll(() => house.close());

type Answer = Pick<JsonReply, "status" | "body" | "text">;

function infer(model: string, inputs: readonly object[], more: object = {}): Promise<Answer> {
  return post(`${house.url}/v2/models/${model}/infer`, { inputs, ...more });
}

function floats(shape: readonly number[]): object {
  const count = shape.reduce((product, size) => product * size, 1);
  return { name: "x", datatype: "FP32", shape, data: new Array<number>(count).fill(1) };
}

/** The limit is named, and kept to the unit. */
async function expectEdges(
  name: keyof typeof limits,
  ask: (size: number) => Promise<Answer>,
): Promise<void> {
  const limit = limits[name];
  for (const size of [limit - 1, limit]) {
    const { status, text } = await ask(size);
    expect([name, size, status, status === 200 ? "" : text]).toEqual([name, size, 200, ""]);
  }
  const over = await ask(limit + 1);
  const { code, error } = over.body as { code: string; error: string };
  expect([name, over.status, code], over.text).toEqual([name, 400, "LIMIT_EXCEEDED"]);
  expect(error).toContain(String(limit));
  expect(error).toContain(name);
}

test("requestItemsMax, in the protocol and in each form of the simple dialect", async () => {
  await expectEdges("requestItemsMax", (items) => infer("row", [floats([items, 4])]));
  const rows = (items: number): number[][] => Array.from({ length: items }, () => [1, 2, 3, 4]);
  const ask = (path: string, body: unknown): Promise<Answer> =>
    post(`${house.url}${path}?model=row`, body);
  await expectEdges("requestItemsMax", (items) => ask("/predict", { instances: rows(items) }));
  await expectEdges("requestItemsMax", (items) => ask("/predict", { input_data: rows(items) }));
  await expectEdges("requestItemsMax", (n) => ask("/batch_predict", { instances: rows(n) }));
  await expectEdges("requestItemsMax", (items) =>
    ask(
      "/batch_predict",
      rows(items).map((row) => ({ model_name: "row", input_data: [row] })),
    ),
  );
});

test("rankMax", async () => {
  // A rank that no model has is refused as such below the limit, and by the limit above it.
  const atLimit = await infer("row", [floats([1, 2, 2])]);
  expect(atLimit.body).toMatchObject({ code: "INVALID_INPUT" });
  const over = await infer("row", [floats([1, 2, 2, 1])]);
  expect(over.body).toMatchObject({ code: "LIMIT_EXCEEDED" });
  expect(over.text).toContain("rankMax");
  expect((await infer("grid", [floats([2, 2, 2])])).status).toBe(200);
});

test("elementsMax", async () => {
  await expectEdges("elementsMax", (count) => infer("grid", [floats([1, 1, count])]));
});

test("inputsMax", async () => {
  const name = { name: "name", datatype: "BYTES", shape: [1, 1], data: ["a"] };
  const value = { name: "value", datatype: "INT64", shape: [1, 1], data: [1] };
  expect((await infer("row", [floats([1, 4])])).status).toBe(200);
  expect((await infer("mixed", [name, value])).status).toBe(200);
  const over = await infer("mixed", [name, value, name]);
  expect(over.body).toMatchObject({ code: "LIMIT_EXCEEDED" });
  expect(over.text).toContain("inputsMax");
});

test("outputsMax", async () => {
  await expectEdges("outputsMax", (count) =>
    infer("four", [floats([1, 1])], {
      outputs: outputs.slice(0, count).map((name) => ({ name })),
    }),
  );
});

test("stringElementBytesMax, in bytes and not in characters", async () => {
  const text = (value: string): Promise<Answer> =>
    infer("text", [{ name: "x", datatype: "BYTES", shape: [1, 1], data: [value] }]);
  await expectEdges("stringElementBytesMax", (size) => text("a".repeat(size)));
  await expectEdges("stringElementBytesMax", (size) =>
    post(`${house.url}/predict?model=text`, { text: "a".repeat(size) }),
  );
  expect((await text("\u00e9".repeat(50))).status).toBe(200);
  expect((await text("\u00e9".repeat(51))).body).toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("jsonDepthMax", async () => {
  const nested = (levels: number): unknown =>
    JSON.parse("[".repeat(levels - 1) + "]".repeat(levels - 1));
  const ask = (levels: number): Promise<Answer> =>
    infer("row", [floats([1, 4])], { unknown: nested(levels) });
  expect((await ask(limits.jsonDepthMax - 1)).status).toBe(200);
  expect((await ask(limits.jsonDepthMax)).status).toBe(200);
  const over = await ask(limits.jsonDepthMax + 1);
  expect(over.body).toMatchObject({ code: "LIMIT_EXCEEDED" });
  expect(over.text).toContain("5");
});

test("a name of 128 characters is served, one of 129 is unknown", async () => {
  const ask = (length: number): Promise<Answer> => infer("n".repeat(length), [floats([1, 1])]);
  expect((await ask(127)).status).toBe(404);
  expect((await ask(128)).status).toBe(200);
  expect((await ask(129)).status).toBe(404);
});

// --- bodies -----------------------------------------------------------------------------------

const good = JSON.stringify({ inputs: [floats([1, 4])] });
const path = "/v2/models/row/infer";
const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;

/** Status of a JSON body of `size` bytes, sent with its length or in chunks. */
async function sendJson(size: number, isChunked: boolean): Promise<number | undefined> {
  const body = good.padEnd(size, " ");
  const connection = new RawConnection(house.port);
  await connection.send(
    isChunked
      ? Buffer.concat([
          Buffer.from(`${head}transfer-encoding: chunked\r\n\r\n`),
          chunked([body.slice(0, 100), body.slice(100)]),
        ])
      : postBytes(path, body),
  );
  const reply = await connection.reply();
  if (reply?.status === 413) {
    expect(reply.headers.get("x-error-code")).toBe("PAYLOAD_TOO_LARGE");
    expect(String(reply.body)).toContain(String(limits.jsonBodyBytesMax));
  }
  connection.destroy();
  return reply?.status;
}

test("jsonBodyBytesMax, with a length and without one", async () => {
  const { jsonBodyBytesMax } = limits;
  for (const isChunked of [false, true]) {
    expect(await sendJson(jsonBodyBytesMax - 1, isChunked)).toBe(200);
    expect(await sendJson(jsonBodyBytesMax, isChunked)).toBe(200);
    expect(await sendJson(jsonBodyBytesMax + 1, isChunked)).toBe(413);
  }
});

test("binaryBodyBytesMax counts JSON and tensors, and the JSON keeps its own limit", async () => {
  const send = async (size: number): Promise<number> => {
    const json = JSON.stringify({
      inputs: [
        { name: "x", datatype: "FP32", shape: [1, 4], parameters: { binary_data_size: 16 } },
      ],
    });
    const padded = json.padEnd(size - 16, " ");
    const length = String(padded.length);
    const reply = await fetch(house.url + path, {
      method: "POST",
      headers: { "inference-header-content-length": length },
      body: Buffer.concat([Buffer.from(padded), Buffer.alloc(16)]),
    });
    await reply.text();
    return reply.status;
  };
  expect(await send(limits.jsonBodyBytesMax + 16)).toBe(200);
  expect(await send(limits.jsonBodyBytesMax + 17)).toBe(413);
  const words = (count: number): Buffer => {
    const json = JSON.stringify({
      inputs: [
        {
          name: "x",
          datatype: "BYTES",
          shape: [1, 1],
          parameters: { binary_data_size: count },
        },
      ],
    });
    const body = Buffer.concat([Buffer.from(json), Buffer.alloc(count)]);
    const headers = [`inference-header-content-length: ${json.length}`];
    return postBytes("/v2/models/text/infer", body, { headers });
  };
  const overhead = words(1_000).indexOf("\r\n\r\n") + 4;
  for (const [size, refused] of [
    [limits.binaryBodyBytesMax - 1, false],
    [limits.binaryBodyBytesMax, false],
    [limits.binaryBodyBytesMax + 1, true],
  ] as const) {
    const json = words(1_000).length - overhead - 1_000;
    const connection = new RawConnection(house.port);
    await connection.send(words(size - json));
    const status = (await connection.reply())?.status;
    expect([size, status === 413]).toEqual([size, refused]);
    connection.destroy();
  }
});

test("a body over the limit is answered 413 and the connection ends", async () => {
  const declared = new RawConnection(house.port);
  await declared.send(`${head}content-length: 100000000\r\n\r\n`);
  expect((await declared.reply())?.status).toBe(413);
  // A caller that goes on sending does not lose the answer that it has not read yet.
  const filler = "x".repeat(64 * 1024);
  for (let sent = 0; sent < 40 && !declared.isClosed; sent += 1) await declared.send(filler);
  expect(await declared.endsWithin(10_000)).toBe(true);
  const endless = new RawConnection(house.port);
  await endless.send(`${head}transfer-encoding: chunked\r\n\r\n`);
  for (let sent = 0; sent < 4; sent += 1) await endless.send(`10000\r\n${filler}\r\n`);
  expect((await endless.reply())?.status).toBe(413);
  for (let sent = 0; sent < 40 && !endless.isClosed; sent += 1) {
    await endless.send(`10000\r\n${filler}\r\n`);
  }
  expect(await endless.endsWithin(10_000)).toBe(true);
});

test("a caller that writes all of a too large body before it reads gets its 413", async () => {
  for (let round = 0; round < 5; round += 1) {
    const reply = await fetch(house.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "x".repeat(2_000_000),
    });
    expect(reply.status).toBe(413);
    expect(await reply.json()).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
  }
});

// --- queue and streams ------------------------------------------------------------------------

test("queueItemsMax: what does not fit is 503 with Retry-After", async () => {
  const body = JSON.stringify({
    inputs: [{ name: "x", datatype: "FP32", shape: [1, 1], data: [100_000] }],
  });
  const connections = Array.from({ length: 60 }, () => new RawConnection(house.port));
  const bytes = postBytes("/v2/models/slow/infer", body);
  await Promise.all(connections.map((each) => each.send(bytes)));
  const replies = await Promise.all(connections.map((each) => each.reply()));
  const refused = replies.filter((each) => each?.status === 503);
  const answered = replies.filter((each) => each?.status === 200);
  expect(answered.length + refused.length).toBe(60);
  expect(answered.length).toBeGreaterThanOrEqual(limits.queueItemsMax);
  expect(refused.length).toBeGreaterThan(0);
  for (const each of refused) {
    expect(each?.headers.get("x-error-code")).toBe("QUEUE_FULL");
    expect(Number(each?.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  for (const each of connections) each.destroy();
});

test("streamsMax: one more is 503, and a stream that ends makes room", async () => {
  const streams = async (): Promise<number> => {
    const page = await (await fetch(`${house.url}/metrics`)).text();
    return Number(/^millrace_streams (\d+)/m.exec(page)?.[1]);
  };
  const open = async (): Promise<RawConnection> => {
    const connection = new RawConnection(house.port);
    const body = JSON.stringify({ instances: Array.from({ length: 5 }, () => [1_000_000]) });
    await connection.send(postBytes("/predict/stream?model=slow", body));
    return connection;
  };
  const held = [await open(), await open()];
  await until(async () => (await streams()) === limits.streamsMax, 10_000);
  const third = await open();
  const refused = await third.reply();
  expect([refused?.status, refused?.headers.get("x-error-code")]).toEqual([503, "OVERLOADED"]);
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  for (const each of held) each.destroy();
  await until(async () => (await streams()) === 0, 20_000);
  const next = await open();
  expect((await next.reply(true))?.status).toBe(200);
  next.destroy();
  third.destroy();
});

test("ends well", () => house.endsWell({ allowed: ["QUEUE_FULL", "OVERLOADED"] }));
