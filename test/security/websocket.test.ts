// Goal: wrong, huge, tiny and endless frames end their own socket with the right code and cost
// nobody else anything. Method: frames as bytes against the built server with short limits.
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { get, until } from "../support/built-server.ts";
import { type House, isFull, openHouse } from "./hostile-house.ts";
import { type FrameParts, frame, RawSocket } from "./raw-socket.ts";

const path = "/v2/models/row/ws";
const good = JSON.stringify({
  id: "g",
  inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] }],
});
const limits = {
  ...{ wsFrameBytesMax: 100_000, bodyReadMsMax: 700, replyReadMsMax: 1_500 },
  ...{ socketSilentMsMax: 900, streamBufferBytesMax: 65_536 },
};
let house: House;

beforeAll(async () => {
  house = await openHouse({ limits, growthBytesMax: 128 * 1024 * 1024 });
});
afterEach(async () => {
  await until(async () => (await gauge("millrace_streams")) === 0, 10_000);
  expect(await gauge("millrace_stream_buffer_bytes")).toBe(0);
  await house.endsWell();
});
afterAll(() => house.close());

async function gauge(name: string): Promise<number> {
  const { text } = await get(`${house.url}/metrics`);
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}

async function hits(name: string): Promise<number> {
  const { text } = await get(`${house.url}/metrics`);
  const start = `millrace_limit_hits_total{name="${name}"} `;
  return Number(
    text
      .split("\n")
      .find((each) => each.startsWith(start))
      ?.slice(start.length),
  );
}

/** Asks once more on a socket that must still be open. */
async function answersOn(socket: RawSocket): Promise<void> {
  await socket.send(frame(good));
  for (;;) {
    const next = await socket.frame();
    expect(next).toBeDefined();
    if (next?.opcode !== 1) continue;
    const reply = JSON.parse(String(next.payload)) as { id?: string; outputs?: unknown };
    if (reply.id === "g" && reply.outputs !== undefined) return;
  }
}

const bad = Buffer.from([0x7b, 0xc3, 0x28, 0x7d]);
const wrong: readonly (readonly [string, readonly Buffer[], number])[] = [
  ["a frame without a mask", [frame(good, { isMasked: false })], 1002],
  ["reserved bits", [frame(good, { reserved: 4 })], 1002],
  ["an opcode that does not exist", [frame("x", { opcode: 3 })], 1002],
  ["a control opcode that does not exist", [frame("x", { opcode: 11 })], 1002],
  ["text that is no UTF-8", [frame(bad)], 1007],
  ["half a character at the end of a text", [frame(Buffer.from([0x22, 0xe2, 0x82]))], 1007],
  ["a continuation of nothing", [frame("x", { opcode: 0 })], 1002],
  ["a message inside a message", [frame("x", { isLast: false }), frame("y")], 1002],
  ["a ping in fragments", [frame("x", { opcode: 9, isLast: false })], 1002],
  ["a ping of 126 bytes", [frame(Buffer.alloc(126), { opcode: 9 })], 1002],
  ["a close of one byte", [frame("x", { opcode: 8 })], 1002],
  ["a close with a code that must not be sent", [frame(closing(1005), { opcode: 8 })], 1002],
  ["a close whose reason is no UTF-8", [frame(closing(1000, bad), { opcode: 8 })], 1007],
  ["a message over the limit", [frame(Buffer.alloc(100_001, 0x20))], 1009],
  ["a claim of 2^62 bytes", [frame("", { claimed: 2n ** 62n })], 1009],
  ["a claim of 2^63 bytes", [frame("", { claimed: 2n ** 63n })], 1009],
  ["fragments that add up over the limit", fragments(20, 10_000), 1009],
  ["more fragments than a message may have", fragments(2_000, 1), 1008],
  ["fragments without a byte, without end", fragments(2_000, 0), 1008],
];

function closing(code: number, reason: Buffer = Buffer.alloc(0)): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, reason]);
}

/** A message that never ends. */
function fragments(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const parts: FrameParts = { opcode: index === 0 ? 1 : 0, isLast: false };
    return frame(Buffer.alloc(bytes, 0x20), parts);
  });
}

test.each(wrong)("%s ends its socket", async (_, frames, code) => {
  const socket = await RawSocket.open(house.port, path);
  await socket.send(frame(good));
  await socket.send(Buffer.concat(frames));
  expect(await socket.closeCode()).toBe(code);
  await socket.send(frame(closing(code), { opcode: 8 }));
  expect(await socket.endsWithin(5_000)).toBe(true);
});

test("answers a message that comes byte by byte, or in fragments with pings between", async () => {
  const socket = await RawSocket.open(house.port, path);
  for (const byte of frame(good.slice(0, 40))) await socket.send(Buffer.from([byte]));
  const parts = [good.slice(0, 10), good.slice(10, 11), "", good.slice(11)];
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    await socket.send(frame(part, { opcode: index === 0 ? 1 : 0, isLast }));
    await socket.send(frame("are you there", { opcode: 9 }));
  }
  await answersOn(socket);
  socket.destroy();
});

test("a flood of messages of one byte is answered or refused, and holds no memory", async () => {
  const count = isFull ? 500_000 : 100_000;
  const one = frame("x");
  const flood = Buffer.concat(new Array(10_000).fill(one));
  const sockets = await Promise.all(
    Array.from({ length: 8 }, () => RawSocket.open(house.port, path)),
  );
  await Promise.all(
    sockets.map(async (socket) => {
      for (let sent = 0; sent < count / 8 && !socket.isClosed; sent += 10_000) {
        await socket.send(flood);
      }
    }),
  );
  for (const socket of sockets) socket.destroy();
});

test("a flood of pings from one who does not read ends that socket", async () => {
  const socket = await RawSocket.open(house.port, path);
  socket.socket.pause();
  const pings = Buffer.concat(new Array(10_000).fill(frame(Buffer.alloc(125), { opcode: 9 })));
  for (let turn = 0; turn < 20 && !socket.isClosed; turn += 1) {
    await Promise.race([socket.send(pings), new Promise((done) => setTimeout(done, 500))]);
  }
  await until(async () => (await gauge("millrace_streams")) === 0, 15_000);
  socket.destroy();
});

test("one who sends a message too slowly, says nothing, or reads nothing is cut", async () => {
  const [slow, silent, deaf] = await Promise.all(
    [0, 1, 2].map(() => RawSocket.open(house.port, path)),
  );
  if (slow === undefined || silent === undefined || deaf === undefined)
    throw new Error("no socket");
  const dripping = setInterval(() => void slow.send(" "), 100);
  await slow.send(frame(" ".repeat(90_000)).subarray(0, 100));
  deaf.socket.pause();
  const large = frame(JSON.stringify({ ...JSON.parse(good), inputs: [bigInput(1_500)] }));
  void (async () => {
    for (let turn = 0; turn < 3_000 && !deaf.isClosed; turn += 1) await deaf.send(large);
  })();
  const ended = [slow.endsWithin(15_000), silent.endsWithin(15_000)];
  expect(await Promise.all(ended)).toEqual([true, true]);
  clearInterval(dripping);
  await until(async () => (await hits("replyReadMsMax")) > 0, 20_000);
  expect(await hits("bodyReadMsMax")).toBeGreaterThan(0);
  expect(await hits("socketSilentMsMax")).toBeGreaterThan(0);
  for (const each of [slow, silent, deaf]) each.destroy();
}, 60_000);

function bigInput(rows: number): Record<string, unknown> {
  const data = Array.from({ length: rows * 4 }, (_, index) => index / 7);
  return { name: "x", shape: [rows, 4], datatype: "FP32", data };
}

test("reads what comes behind the handshake in one packet, and no second handshake", async () => {
  const head =
    `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const socket = connect(house.port, "127.0.0.1");
  let text = "";
  socket.on("data", (bytes) => {
    text += String(bytes);
  });
  socket.on("error", () => {});
  socket.write(Buffer.concat([Buffer.from(head), frame(good)]));
  await until(async () => text.includes('"id":"g"'), 5_000);
  socket.write(head);
  await new Promise<void>((done) => socket.once("close", () => done()));
  expect(text.split("HTTP/1.1").length).toBe(2);
});

const handshake =
  `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
  "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Sends bytes and gives all that comes back until the connection ends. */
async function told(bytes: string): Promise<string> {
  const socket = connect(house.port, "127.0.0.1");
  let text = "";
  socket.on("data", (each) => {
    text += String(each);
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((done) => socket.once("close", () => done()));
  socket.write(bytes);
  await closed;
  return text;
}

test("an upgrade behind an open request lets that one be answered, then it ends", async () => {
  const body = JSON.stringify({ inputs: [bigInput(1)] });
  const post =
    "POST /v2/models/row/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
    `content-length: ${body.length}\r\n\r\n${body}`;
  for (const open of [1, 3]) {
    const text = await told(`${post.repeat(open)}${handshake}\r\n0123456789`);
    expect(text.split("HTTP/1.1 200 OK").length - 1).toBe(open);
    expect(text.split('"outputs"').length - 1).toBe(open);
    expect(text.split("HTTP/1.1 ").length - 1).toBe(open);
  }
});

test("a handshake of two hosts is refused", async () => {
  const text = await told(`${handshake}host: y\r\n\r\n`);
  expect(text).toContain("HTTP/1.1 400 ");
  expect(text).toContain("header 'host': given 2 times");
});
