// Goal: callers who are slow, silent or many cost little and are cut at their limit, while others
// are answered. Method: trickling and idle sockets against the built server with short limits; the
// bounds are wide, because the limit is what is tested and not the machine.
import { afterAll, beforeAll, expect, test } from "vitest";
import { identity } from "../../tools/onnx/models.ts";
import { until } from "../support/built-server.ts";
import { residentBytes } from "../support/process-figures.ts";
import { type House, isFull, openHouse } from "./hostile-house.ts";
import { askRaw, chunked, postBytes, RawConnection } from "./raw-http.ts";

const headersReadMsMax = 1_000;
const bodyReadMsMax = 500;
const replyReadMsMax = 1_500;
const idleCount = isFull ? 10_000 : 2_000;
/** Room for the idle ones, the client's own pool and some more. */
const connectionsMax = idleCount + 400;

let house: House;
let patient: House;

beforeAll(async () => {
  house = await openHouse({
    files: { "wide/1/model.onnx": identity("FP32", ["batch", "n"]) },
    limits: { headersReadMsMax, bodyReadMsMax, replyReadMsMax },
    growthBytesMax: 128 * 1024 * 1024,
  });
  patient = await openHouse({
    limits: { connectionsMax },
    // The runtime keeps pages of 10,000 sockets: a bare node:http server grows alike, to a plateau.
    growthBytesMax: isFull ? 200 * 1024 * 1024 : 64 * 1024 * 1024,
  });
});
afterAll(async () => {
  await house.close();
  await patient.close();
});

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const live = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
const good = JSON.stringify({
  inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] }],
});
const head = "POST /v2/models/row/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

interface Cut {
  readonly tookMs: number;
  readonly status: number | undefined;
  readonly code: string | undefined;
}

/** Sends `first`, then a byte of `drip` every 50 ms until the server ends it. */
async function trickle(first: string, drip: string): Promise<Cut> {
  const connection = new RawConnection(house.port);
  const startMs = performance.now();
  await connection.send(first);
  let index = 0;
  while (!connection.isClosed && performance.now() - startMs < 15_000) {
    if (drip !== "") await connection.send(drip[index % drip.length] ?? " ");
    index += 1;
    await pause(50);
  }
  const tookMs = performance.now() - startMs;
  const reply = await connection.reply();
  return { tookMs, status: reply?.status, code: reply?.headers.get("x-error-code") };
}

/** Cut at `limitMs`, within a second and what a busy machine adds. */
function expectCut(cut: Cut, limitMs: number): void {
  expect([cut.status, cut.code]).toEqual([408, "REQUEST_TIMEOUT"]);
  expect(cut.tookMs).toBeGreaterThan(limitMs - 200);
  expect(cut.tookMs).toBeLessThan(limitMs + 6_000);
}

test("slow and silent callers are cut with 408 at the limits", async () => {
  const cuts = await Promise.all([
    trickle("GET /health/live HTTP/1.1\r\nhost: x\r\nx-a: ", "b"),
    trickle("GET /health/live HTTP/1.1\r\n", "x: y\r\n"),
    trickle("GE", ""),
    trickle("", ""),
    trickle(`${head}content-length: 100000\r\n\r\n`, " "),
    trickle(`${head}content-length: 100000\r\n\r\n`, ""),
    trickle(`${head}transfer-encoding: chunked\r\n\r\n`, "1\r\n \r\n"),
    trickle(`${head}transfer-encoding: chunked\r\n\r\n5\r\n{`, ""),
    trickle(`${head}content-length: 100\r\nexpect: 100-continue\r\n\r\n`, "").then((cut) => ({
      ...cut,
      // The interim reply came first.
      status: cut.status === 100 ? 408 : cut.status,
      code: cut.status === 100 ? "REQUEST_TIMEOUT" : cut.code,
    })),
  ]);
  for (const cut of cuts.slice(0, 4)) expectCut(cut, headersReadMsMax);
  for (const cut of cuts.slice(4)) expectCut(cut, bodyReadMsMax);
  await house.endsWell();
}, 60_000);

test("a caller that reads nothing of a large answer is cut, and memory comes back", async () => {
  const elements = 4_000_000;
  const json = JSON.stringify({
    inputs: [
      {
        name: "x",
        datatype: "FP32",
        shape: [1, elements],
        parameters: { binary_data_size: 4 * elements },
      },
    ],
    parameters: { binary_data_output: true },
  });
  const body = Buffer.concat([Buffer.from(json), Buffer.alloc(4 * elements)]);
  const bytes = postBytes("/v2/models/wide/infer", body, {
    headers: [`inference-header-content-length: ${json.length}`],
  });
  const readers = [new RawConnection(house.port), new RawConnection(house.port)];
  for (const each of readers) {
    each.socket.pause();
    await each.send(bytes);
  }
  await pause(replyReadMsMax + 3_000);
  for (const each of readers) {
    // What the system had buffered still comes; the rest does not.
    each.socket.resume();
    expect(await each.endsWithin(10_000)).toBe(true);
    expect(each.received.length).toBeLessThan(4 * elements);
  }
  await house.endsWell();
}, 60_000);

test("a caller that stops reading a stream is cut, and the stream is over", async () => {
  const bytes = postBytes(
    "/predict/stream?model=row",
    JSON.stringify({ instances: Array.from({ length: 10_000 }, () => [1, 2, 3, 4]) }),
  );
  const connection = new RawConnection(house.port);
  connection.socket.pause();
  const many = 6;
  for (let index = 0; index < many; index += 1) await connection.send(bytes);
  await until(
    async () => (await openStreams(house)) === 0,
    30_000,
    () => "a stream is still open",
  );
  connection.destroy();
  await house.endsWell();
}, 60_000);

test("a caller that reads slowly but steadily gets the whole answer", async () => {
  const elements = 2_000_000;
  const body =
    `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,${elements}],"data":[` +
    `${"1,".repeat(elements - 1)}1]}],"parameters":{"binary_data_output":true}}`;
  const connection = new RawConnection(house.port);
  await connection.send(postBytes("/v2/models/wide/infer", body));
  const startMs = performance.now();
  // 8 MB in about 40 steps over more than twice the limit.
  while (performance.now() - startMs < 2.5 * replyReadMsMax && !connection.isClosed) {
    connection.socket.pause();
    await pause(100);
    connection.socket.resume();
    await pause(2);
  }
  const reply = await connection.reply();
  expect(reply?.status).toBe(200);
  expect(reply?.body.length).toBeGreaterThan(4 * elements);
  connection.destroy();
}, 60_000);

test("a large body arrives whole, with a length and in chunks of odd sizes", async () => {
  const elements = 5_000_000;
  const values = Uint32Array.from({ length: elements }, (_, index) => index % 0x7f00_0000);
  const parameters = { binary_data_size: 4 * elements };
  const json = JSON.stringify({
    inputs: [{ name: "x", datatype: "FP32", shape: [1, elements], parameters }],
    parameters: { binary_data_output: true },
  });
  const bytes = Buffer.from(values.buffer);
  const body = Buffer.concat([Buffer.from(json), bytes]);
  const header = `inference-header-content-length: ${json.length}`;
  const whole = postBytes("/v2/models/wide/infer", body, { headers: [header] });
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < body.length; at += size, size = (size * 7) % 50_021) {
    parts.push(body.subarray(at, at + size));
  }
  const head =
    "POST /v2/models/wide/infer HTTP/1.1\r\nhost: x\r\n" +
    `${header}\r\ntransfer-encoding: chunked\r\n\r\n`;
  for (const sent of [whole, Buffer.concat([Buffer.from(head), chunked(parts)])]) {
    const connection = new RawConnection(house.port);
    await connection.send(sent);
    const reply = await connection.reply();
    expect(reply?.status).toBe(200);
    expect(reply?.body.subarray(-4 * elements).equals(bytes)).toBe(true);
    connection.destroy();
  }
}, 60_000);

async function metric(server: House, name: string): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  const line = page.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}

const openConnections = (server: House): Promise<number> => metric(server, "millrace_connections");
const openStreams = (server: House): Promise<number> => metric(server, "millrace_streams");

test(`${idleCount} idle connections do not keep others from being answered`, async () => {
  const idle: RawConnection[] = [];
  for (let index = 0; index < idleCount; index += 1) {
    const connection = new RawConnection(patient.port);
    idle.push(connection);
    if (index % 4 === 0) void connection.send("GET /hea");
    if (index % 100 === 99) await pause(5);
  }
  await until(async () => (await openConnections(patient)) >= idleCount, 20_000);
  for (let index = 0; index < 50; index += 1) {
    const reply = await askRaw(patient.port, postBytes("/v2/models/row/infer", good));
    expect(reply?.status).toBe(200);
  }
  for (const each of idle) each.destroy();
  await until(async () => (await openConnections(patient)) < 300, 20_000);
  await patient.endsWell();
}, 120_000);

test("a length is believed as its bytes come: 500 large ones take little memory", async () => {
  const before = residentBytes(patient.pid);
  const head =
    "POST /v2/models/row/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n" +
    "inference-header-content-length: 10\r\ncontent-length: 60000000\r\n\r\n{";
  const liars = Array.from({ length: 500 }, () => new RawConnection(patient.port));
  await Promise.all(liars.map((each) => each.send(head)));
  await pause(500);
  expect(residentBytes(patient.pid) - before).toBeLessThan(128 * 1024 * 1024);
  const reply = await askRaw(patient.port, postBytes("/v2/models/row/infer", good));
  expect(reply?.status).toBe(200);
  for (const each of liars) each.destroy();
  await patient.endsWell();
}, 60_000);

test("connections over connectionsMax are closed at accept, and room comes back", async () => {
  const held: RawConnection[] = [];
  const free = connectionsMax - (await openConnections(patient));
  for (let index = 0; index < free + 50; index += 1) {
    held.push(new RawConnection(patient.port));
    if (index % 100 === 99) await pause(5);
  }
  await until(async () => held.filter((each) => each.isClosed).length >= 40, 20_000);
  expect(held.filter((each) => !each.isClosed).length).toBeLessThanOrEqual(connectionsMax);
  for (const each of held) each.destroy();
  await until(async () => (await askRaw(patient.port, live))?.status === 200, 20_000);
}, 120_000);
