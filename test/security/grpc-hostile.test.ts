// Goal: no bytes of a gRPC caller crash the server, make it answer INTERNAL, or keep its memory.
// Method: the built server; raw HTTP/2 through Node's client, and frames by hand where no client
// sends such; each limit at -1, 0 and +1; every case ends with a healthy server.
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inferRequest, prefixed } from "../../tools/grpc-requests.ts";
import { identity } from "../../tools/onnx/models.ts";
import { field, varint } from "../../tools/protobuf.ts";
import { until } from "../support/built-server.ts";
import { callFields, data, headers, reset, settings } from "../support/http2-frames.ts";
import { residentBytes } from "../support/process-figures.ts";
import { type House, isFull, openHouse, seed } from "./hostile-house.ts";

const mi = 1024 * 1024;
const messageBytesMax = mi;
const inferPath = "/inference.GRPCInferenceService/ModelInfer";
let house: House;
let session: ClientHttp2Session;

beforeAll(async () => {
  house = await openHouse({
    limits: { grpcMessageBytesMax: messageBytesMax, bodyReadMsMax: 1_000 },
    files: { "text/1/model.onnx": identity("BYTES", ["batch", 1]) },
  });
  session = openSession();
});

afterAll(async () => {
  session?.destroy();
  await house?.close();
});

function openSession(): ClientHttp2Session {
  const made = connectHttp2(`http://${house.grpc}`);
  made.on("error", () => {});
  return made;
}

interface End {
  readonly http: number;
  /** `undefined` when no status came. */
  readonly status: string | undefined;
  readonly code: string | undefined;
  readonly message: string;
  readonly body: Buffer;
}

type Send = (stream: ReturnType<ClientHttp2Session["request"]>) => void;

/** Opens a call, lets `send` write, and gives how it ended; never rejects. */
async function call(send: Send, more: Record<string, string> = {}, on = session): Promise<End> {
  const stream = on.request({
    ":method": "POST",
    ":path": inferPath,
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  });
  const seen: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on("response", (headers) => Object.assign(seen, headers));
  stream.on("trailers", (headers) => Object.assign(seen, headers));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  const closed = new Promise((done) => stream.once("close", done));
  send(stream);
  await closed;
  const text = (name: string): string | undefined => seen[name] as string | undefined;
  return {
    http: Number(seen[":status"] ?? 0),
    status: text("grpc-status"),
    code: text("x-error-code"),
    message: decodeURIComponent(text("grpc-message") ?? ""),
    body: Buffer.concat(chunks),
  };
}

/** A request on `row`; `raw` its only tensor. */
function inferMessage(raw: Uint8Array, shape: readonly number[], more = Buffer.alloc(0)): Buffer {
  return Buffer.concat([inferRequest({ model: "row", shape, raw }), more]);
}

const good = inferMessage(Buffer.from(Float32Array.from([1, 2.5, -3, 4]).buffer), [1, 4]);
const whole = (message: Uint8Array, flag = 0): Send => {
  return (stream) => stream.end(prefixed(message, flag));
};

test("a message of the limit is read, one byte more is refused before it is kept", async () => {
  const padded = (length: number): Buffer => {
    // Field 99 is nobody's: it is skipped.
    const room = length - good.length - 2;
    const sizeBytes = varint(room - 3).length;
    const padding = Buffer.alloc(room - sizeBytes);
    const pad = Buffer.concat([Buffer.from([0x9a, 0x06, ...varint(padding.length)]), padding]);
    return Buffer.concat([good, pad]);
  };
  for (const length of [messageBytesMax - 1, messageBytesMax]) {
    const message = padded(length);
    expect(message.length).toBe(length);
    expect(await call(whole(message))).toMatchObject({ http: 200, status: "0" });
  }
  const over = await call(whole(padded(messageBytesMax + 1)));
  expect(over).toMatchObject({ status: "8", code: "PAYLOAD_TOO_LARGE" });
  expect(over.message).toContain("grpcMessageBytesMax");
  const page = await (await fetch(`${house.url}/metrics`)).text();
  expect(page).toMatch(/limit_hits_total\{name="grpcMessageBytesMax"\} 1\b/);
  await house.endsWell();
});

test("a size without a body takes no memory and ends at its time", async () => {
  const ends = await Promise.all(
    Array.from({ length: 90 }, () =>
      call((stream) => stream.write(prefixed(Buffer.alloc(0), 0, messageBytesMax))),
    ),
  );
  expect(new Set(ends.map((end) => end.code))).toEqual(new Set(["REQUEST_TIMEOUT"]));
  const huge = await call((stream) => stream.write(prefixed(Buffer.alloc(0), 0, 2 ** 32 - 1)));
  expect(huge.code).toBe("PAYLOAD_TOO_LARGE");
  const half = await call((stream) => stream.end(Buffer.from([0, 0, 0])));
  expect(half).toMatchObject({ status: "3", code: "INVALID_REQUEST" });
  const none = await call((stream) => stream.end());
  expect(none).toMatchObject({ status: "3", code: "INVALID_REQUEST" });
  await house.endsWell();
});

test("compressed messages are read, bombs are stopped by size and by ratio", async () => {
  for (const [name, pack] of [
    ["gzip", gzipSync],
    ["deflate", deflateSync],
  ] as const) {
    const terms = { "grpc-encoding": name };
    expect(await call(whole(pack(good), 1), terms)).toMatchObject({ status: "0" });
    const bomb = pack(Buffer.alloc(64 * mi));
    expect(await call(whole(bomb, 1), terms)).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    const broken = Buffer.from("this is no compressed message");
    expect(await call(whole(broken, 1), terms)).toMatchObject({ code: "INVALID_REQUEST" });
  }
  expect(await call(whole(good, 1))).toMatchObject({ code: "INVALID_REQUEST" });
  expect(await call(whole(good, 2))).toMatchObject({ code: "INVALID_REQUEST" });
  const other = await call(whole(good, 1), { "grpc-encoding": "br" });
  expect(other).toMatchObject({ status: "12", code: "UNSUPPORTED" });
  await house.endsWell();
});

test("a long reply that is compressed is not overtaken by a short one or the end", async () => {
  const symbol = "inference.GRPCInferenceService.ModelInfer";
  const long = prefixed(field(4, symbol));
  const short = prefixed(field(3, "nobody.proto"));
  const { status, body } = await call((stream) => stream.end(Buffer.concat([long, short])), {
    ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc-encoding": "gzip",
  });
  expect(status).toBe("0");
  const first = body.readUInt32BE(1);
  expect([body[0], first > 1_000]).toEqual([1, true]);
  const rest = body.subarray(5 + first);
  expect([rest[0], rest.readUInt32BE(1)]).toEqual([0, rest.length - 5]);
  expect(rest.includes("nobody.proto")).toBe(true);
});

test("a message byte by byte is read as one", async () => {
  const bytes = prefixed(good);
  const end = await call((stream) => {
    for (const byte of bytes) stream.write(Buffer.from([byte]));
    stream.end();
  });
  expect(end.status).toBe("0");
  await house.endsWell();
});

test("mutated messages are answered or refused, never with a fault of ours", async () => {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  const rounds = isFull ? 20_000 : 1_500;
  const codes = new Map<string, number>();
  for (let round = 0; round < rounds; round += 50) {
    const ends = await Promise.all(
      Array.from({ length: 50 }, () => {
        const bytes = Buffer.from(good);
        const edits = 1 + next(4);
        for (let edit = 0; edit < edits; edit += 1) bytes[next(bytes.length)] = next(256);
        return call(whole(next(3) === 0 ? bytes.subarray(0, next(bytes.length)) : bytes));
      }),
    );
    for (const { status, code, http } of ends) {
      expect(http).toBe(200);
      expect(["0", "3", "5", "8", "12"]).toContain(status);
      codes.set(code ?? "OK", (codes.get(code ?? "OK") ?? 0) + 1);
    }
  }
  expect(codes.get("INVALID_REQUEST")).toBeGreaterThan(10);
  await house.endsWell();
});

test("wrong wire types, groups, invalid UTF-8 and lying lengths are refused", async () => {
  const cases: Record<string, Buffer> = {
    group: Buffer.from([0x0b, 0x0c]),
    fieldZero: Buffer.from([0x02, 0x00]),
    endless: Buffer.from(new Array(11).fill(0xff)),
    past: Buffer.from([0x0a, 0x7f, 0x61]),
    utf8: field(1, Buffer.from([0xff, 0xfe])),
    nested: field(5, Buffer.from([0x0a, 0x40, 0x61])),
    deepGroups: Buffer.alloc(200_000, 0x0b),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    const { status, code } = await call(whole(bytes));
    expect([name, status, code]).toEqual([name, "3", "INVALID_REQUEST"]);
  }
  for (const path of ["ModelMetadata", "ModelConfig", "RepositoryIndex"]) {
    const own = { ":path": `/inference.GRPCInferenceService/${path}` };
    const { code } = await call(whole(Buffer.alloc(100_000, 0x0b)), own);
    expect([path, code]).toEqual([path, "INVALID_REQUEST"]);
  }
  await house.endsWell();
});

test("shapes and sizes that lie are refused by the field", async () => {
  const raw = Buffer.alloc(16);
  const shapes: [number[], string][] = [
    [[2 ** 31, 2 ** 31], "LIMIT_EXCEEDED"],
    [[1, 5], "INVALID_INPUT"],
    [[1, 4, 1], "INVALID_INPUT"],
    [new Array(9).fill(1), "LIMIT_EXCEEDED"],
    [[10_001, 4], "INVALID_INPUT"],
  ];
  for (const [shape, wanted] of shapes) {
    const { code, message } = await call(whole(inferMessage(raw, shape)));
    expect([shape, code]).toEqual([shape, wanted]);
    expect(message).toContain("inputs[0]");
  }
  const counts: Record<string, Buffer> = { inputs: field(5, field(1, "x")), raw: field(7, "") };
  for (const [name, each] of Object.entries(counts)) {
    const many = Buffer.concat([field(1, "row"), ...new Array<Buffer>(65).fill(each)]);
    expect([name, (await call(whole(many))).code]).toEqual([name, "LIMIT_EXCEEDED"]);
  }
  await house.endsWell();
});

test("what is no gRPC is told so in HTTP, and an unknown method in gRPC", async () => {
  const type = await call(whole(good), { "content-type": "application/json" });
  expect(type.http).toBe(415);
  const verb = session.request({ ":method": "GET", ":path": "/" });
  const status = await new Promise((done) => verb.on("response", (head) => done(head[":status"])));
  verb.close();
  expect(status).toBe(405);
  const path = { ":path": "/inference.GRPCInferenceService/__proto__" };
  expect(await call(whole(good), path)).toMatchObject({ status: "12", code: "NOT_FOUND" });
  const timeout = await call(whole(good), { "grpc-timeout": "soon" });
  expect(timeout).toMatchObject({ status: "3", code: "INVALID_REQUEST" });
});

test("endless metadata ends its call and leaves the others", async () => {
  const own = openSession();
  const long = (length: number): Record<string, string> => ({ "x-long": "a".repeat(length) });
  expect((await call(whole(good), long(15_000), own)).status).toBe("0");
  const end = await call(whole(good), long(17_000), own);
  // Node itself refuses them once the caller has been told the limit, and then without a status.
  expect(["8", undefined]).toContain(end.status);
  expect((await call(whole(good), long(200_000), own)).status).toBeUndefined();
  own.destroy();
  expect((await call(whole(good))).status).toBe("0");
  await house.endsWell();
});

test("a flood of resets ends the connection that floods, and no other", async () => {
  const flood = openSession();
  const ended = new Promise((done) => flood.once("close", done));
  let sent = 0;
  while (!flood.destroyed && sent < 20_000) {
    for (let index = 0; index < 100 && !flood.destroyed; index += 1) {
      const stream = flood.request({
        ":method": "POST",
        ":path": inferPath,
        "content-type": "application/grpc",
      });
      stream.on("error", () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      sent += 1;
    }
    await new Promise((done) => setImmediate(done));
  }
  await ended;
  expect(sent).toBeLessThan(20_000);
  expect((await call(whole(good))).status).toBe("0");
  await house.endsWell();
});

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function rawFrame(type: number, flags: number, [stream, payload]: [number, Buffer]): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Writes bytes on a connection of its own; true when the server ended it within `msMax`. */
async function isEnded(bytes: readonly Buffer[], msMax: number): Promise<boolean> {
  const [host = "", port = ""] = house.grpc.split(":");
  const socket = connectTcp(Number(port), host);
  socket.on("error", () => {});
  socket.on("data", () => {});
  const ended = new Promise<boolean>((done) => socket.once("close", () => done(true)));
  for (const part of bytes) if (!socket.destroyed) socket.write(part);
  const late = new Promise<boolean>((done) => setTimeout(() => done(false), msMax));
  const result = await Promise.race([ended, late]);
  socket.destroy();
  return result;
}

test("floods of header, settings and ping frames, and other bytes, are ended", async () => {
  const block = Buffer.alloc(1_000, 0x40);
  const open = rawFrame(1, 0, [1, Buffer.alloc(0)]);
  const more = Array.from({ length: 5_000 }, () => rawFrame(9, 0, [1, block]));
  expect(await isEnded([preface, settings(), open, ...more], 10_000)).toBe(true);
  const pings = Array.from({ length: 20_000 }, () => rawFrame(6, 0, [0, Buffer.alloc(8)]));
  expect(await isEnded([preface, settings(), ...pings], 5_000)).toBe(true);
  const many = Array.from({ length: 20_000 }, () => settings());
  expect(await isEnded([preface, ...many], 5_000)).toBe(true);
  expect(await isEnded([Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")], 5_000)).toBe(true);
  expect(await isEnded([Buffer.alloc(4_096, 0xff)], 5_000)).toBe(true);
  expect((await call(whole(good))).status).toBe("0");
  await house.endsWell();
});

test("a connection has http2StreamsMax calls at once, and more one after the other", async () => {
  const own = openSession();
  await new Promise((done) => own.once("remoteSettings", done));
  expect(own.remoteSettings.maxConcurrentStreams).toBe(100);
  const ends = await Promise.all(Array.from({ length: 300 }, () => call(whole(good), {}, own)));
  expect(ends.every((end) => end.status === "0")).toBe(true);
  own.destroy();
});

test("a caller who leaves is counted, and nothing stays in flight", async () => {
  const page = async (): Promise<string> => await (await fetch(`${house.url}/metrics`)).text();
  const counted = async (): Promise<number> => {
    const found = /door="grpc",code="CANCELLED"\} (\d+)/.exec(await page());
    return Number(found?.[1] ?? 0);
  };
  const before = await counted();
  const ids = Array.from({ length: 40 }, (_, index) => 2 * index + 1);
  const fields = { ...callFields, ":path": inferPath };
  const begun = ids.flatMap((id) => [
    headers(id, { fields }),
    data(id, prefixed(good).subarray(0, 20)),
  ]);
  const left = ids.slice(0, 20).map((id) => reset(id));
  // Half of them are given up, the others go with their connection.
  await isEnded([preface, settings(), ...begun, ...left], 200);
  await until(async () => (await counted()) === before + 40, 5_000);
  expect(await page()).toMatch(/in_flight_requests\{model="row",version="1"\} 0/);
  await house.endsWell();
});

test("calls that are reset in the turn in which they came end their connection", async () => {
  const calls = Array.from({ length: 3_000 }, (_, index) => {
    const id = 2 * index + 1;
    return Buffer.concat([headers(id, { isLast: index % 2 === 0 }), reset(id)]);
  });
  expect(await isEnded([preface, settings(), Buffer.concat(calls)], 5_000)).toBe(true);
  await house.endsWell();
});

// Last: what it leaves with the C library (docs/adr/0016) would count for those behind it.
test("a flood of compressed messages is inflated one by one", async () => {
  const small = prefixed(gzipSync(good), 1);
  const path = "/inference.GRPCInferenceService/ModelStreamInfer";
  const terms = { "grpc-encoding": "gzip" };
  const flood = async (count: number): Promise<number> => {
    const bytes = Buffer.concat(new Array<Buffer>(count).fill(small));
    const onStream = { ...terms, ":path": path };
    const { status, body } = await call((stream) => stream.end(bytes), onStream);
    expect([status, body.length > count]).toEqual(["0", true]);
    const several = await call((stream) => stream.end(bytes), terms);
    expect(["0", "3"]).toContain(several.status);
    process.kill(house.pid, "SIGUSR2");
    await new Promise((done) => setTimeout(done, 200));
    return residentBytes(house.pid);
  };
  // What the first messages take stays: code, and buffers of the compressor.
  const before = await flood(200);
  expect((await flood(8_000)) - before).toBeLessThan(64 * mi);
});
