// Goal: no bytes of an HTTP/2 caller of the REST port crash the server, make it answer INTERNAL, or
// keep its memory. Method: the built server; Node's client, and frames by hand where no client
// sends such; every case ends with a healthy server that has its memory back.
import { type ClientHttp2Session, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, openSession, posting } from "../support/http2-client.ts";
import { type House, isFull, openHouse, seed } from "./hostile-house.ts";

const mi = 1024 * 1024;
const inferPath = "/v2/models/row/infer";
const good = JSON.stringify({
  inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2.5, -3, 4] }],
});
let house: House;
let session: ClientHttp2Session;

beforeAll(async () => {
  const limits = { jsonBodyBytesMax: mi, bodyReadMsMax: 1_000, replyReadMsMax: 1_000 };
  house = await openHouse({ limits });
  session = openSession(house.url);
});

afterAll(async () => {
  session?.destroy();
  await house?.close();
});

async function isWell(on = session): Promise<boolean> {
  return (await ask(on, posting(inferPath), (stream) => void stream.end(good))).status === 200;
}

test("a body of the limit is read, a larger one refused before it is kept", async () => {
  const padded = (length: number): string => good.padEnd(length, " ");
  for (const [length, wanted] of [
    [mi - 1, 200],
    [mi, 200],
    [mi + 1, 413],
  ] as const) {
    const send = (stream: { end(text: string): unknown }): void => void stream.end(padded(length));
    expect((await ask(session, posting(inferPath), send)).status).toBe(wanted);
  }
  const lying = posting(inferPath, { "content-length": String(mi + 1) });
  const told = await ask(session, lying, () => {});
  expect([told.status, told.rstCode]).toEqual([413, constants.NGHTTP2_NO_ERROR]);
  await house.endsWell();
});

test("bodies that never come take no memory and end in their time", async () => {
  const heads = Array.from({ length: 90 }, () =>
    ask(session, posting(inferPath, { "content-length": String(mi) }), () => {}),
  );
  const codes = (await Promise.all(heads)).map(({ headers }) => headers["x-error-code"]);
  expect(new Set(codes)).toEqual(new Set(["REQUEST_TIMEOUT"]));
  expect(await isWell()).toBe(true);
  await house.endsWell();
});

test("bombs are stopped by size and by ratio, a body byte by byte is read as one", async () => {
  const packed = posting(inferPath, { "content-encoding": "gzip" });
  const bomb = gzipSync(Buffer.alloc(64 * mi, 0x20));
  expect((await ask(session, packed, (stream) => void stream.end(bomb))).status).toBe(413);
  const broken = await ask(session, packed, (stream) => void stream.end("no gzip"));
  expect(broken.status).toBe(400);
  const slow = await ask(session, posting(inferPath), (stream) => {
    for (const byte of Buffer.from(good)) stream.write(Buffer.from([byte]));
    stream.end();
  });
  expect(slow.status).toBe(200);
  await house.endsWell();
});

test("mutated bodies are answered or refused, never with a fault of ours", async () => {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  const rounds = isFull ? 20_000 : 1_000;
  let refused = 0;
  for (let round = 0; round < rounds; round += 50) {
    const ends = await Promise.all(
      Array.from({ length: 50 }, () => {
        const bytes = Buffer.from(good);
        for (let edit = next(4); edit >= 0; edit -= 1) bytes[next(bytes.length)] = next(256);
        return ask(session, posting(inferPath), (stream) => void stream.end(bytes));
      }),
    );
    for (const { status } of ends) {
      expect([200, 400, 404, 406, 413]).toContain(status);
      if (status !== 200) refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(100);
  await house.endsWell();
});

test("headers over their limit end their request and leave the others", async () => {
  const own = openSession(house.url);
  const long = (length: number) => posting(inferPath, { "x-long": "a".repeat(length) });
  const send = (stream: { end(text: string): unknown }): void => void stream.end(good);
  expect((await ask(own, long(15_000), send)).status).toBe(200);
  // Node itself refuses them once the caller has been told the limit, and then without a status.
  expect([0, 431]).toContain((await ask(own, long(17_000), send)).status);
  expect((await ask(own, long(200_000), send)).status).toBe(0);
  own.destroy();
  expect(await isWell()).toBe(true);
  await house.endsWell();
});

test("a flood of resets ends the connection that floods, and no other", async () => {
  const flood = openSession(house.url);
  const ended = new Promise((done) => flood.once("close", done));
  let sent = 0;
  while (!flood.destroyed && sent < 20_000) {
    for (let index = 0; index < 100 && !flood.destroyed; index += 1) {
      const stream = flood.request(posting(inferPath));
      stream.on("error", () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      sent += 1;
    }
    await new Promise((done) => setImmediate(done));
  }
  await ended;
  expect(sent).toBeLessThan(20_000);
  expect(await isWell()).toBe(true);
  await house.endsWell();
});

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const settings = frame(4, 0, [0, Buffer.alloc(0)]);

function frame(type: number, flags: number, [stream, payload]: [number, Buffer]): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Writes bytes on a connection of its own; true when the server ended it within `msMax`. */
async function isEnded(bytes: readonly Buffer[], msMax: number): Promise<boolean> {
  const socket = connectTcp(house.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("data", () => {});
  const ended = new Promise<boolean>((done) => socket.once("close", () => done(true)));
  for (const part of bytes) if (!socket.destroyed) socket.write(part);
  const late = new Promise<boolean>((done) => setTimeout(() => done(false), msMax));
  const result = await Promise.race([ended, late]);
  socket.destroy();
  return result;
}

test("floods of frames, and frames that are none, end their connection", async () => {
  const open = frame(1, 0, [1, Buffer.alloc(0)]);
  const block = Buffer.alloc(1_000, 0x40);
  const more = Array.from({ length: 5_000 }, () => frame(9, 0, [1, block]));
  expect(await isEnded([preface, settings, open, ...more], 10_000)).toBe(true);
  expect(await isEnded([preface, settings, Buffer.alloc(4_096, 0xff)], 5_000)).toBe(true);
  expect(await isEnded([preface, Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")], 5_000)).toBe(
    true,
  );
  const pings = Array.from({ length: 20_000 }, () => frame(6, 0, [0, Buffer.alloc(8)]));
  await isEnded([preface, settings, ...pings], 1_000);
  await isEnded([preface, ...Array.from({ length: 20_000 }, () => settings)], 1_000);
  expect(await isWell()).toBe(true);
  await house.endsWell();
});

test("connections that stop after their preface are ended in their time", async () => {
  const house2 = await openHouse({ limits: { headersReadMsMax: 500 } });
  const silent = Array.from({ length: 100 }, () => {
    const socket = connectTcp(house2.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.write(preface);
    return new Promise((done) => socket.once("close", done));
  });
  await Promise.all(silent);
  await house2.endsWell();
  await house2.close();
});

test("a caller that reads nothing is cut, and holds nobody up", async () => {
  const own = openSession(house.url);
  // More than a caller's window takes without a word.
  const rows = Array.from({ length: 3_000 }, () => [0.1234567, 0.1234568, 0.1234569, 0.123457]);
  const body = JSON.stringify({ instances: rows });
  const paths = ["/predict", "/predict", "/predict/stream", "/predict/stream"];
  const stuck = paths.map((path) => {
    const stream = own.request(posting(`${path}?model=row`));
    stream.on("error", () => {});
    stream.pause();
    stream.end(body);
    return new Promise((done) => stream.once("close", done));
  });
  await new Promise((done) => setTimeout(done, 300));
  expect(await isWell()).toBe(true);
  await Promise.all(stuck);
  own.destroy();
  const page = await (await fetch(`${house.url}/metrics`)).text();
  expect(page).toMatch(/limit_hits_total\{name="replyReadMsMax"\} [1-9]/);
  await house.endsWell();
});
