// Goal: what a stream of HTTP/2 carries is answered as a request of HTTP/1 is, and no stream or
// connection outlives its time. Method: a server of a few small routes, spoken to by Node's client
// and over bare sockets.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test, vi } from "vitest";
import {
  type Clock,
  defaultLimits,
  FakeClock,
  type Limits,
  ServingError,
  systemClock,
} from "../../../base/index.ts";
import { ServerMetrics } from "../../../observe/index.ts";
import { UnreadReplies } from "../../../transport/index.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";
import { type HttpServer, startHttpServer } from "../http/server.ts";

const waiting: Exchange[] = [];
const ends: string[] = [];
const hits: string[] = [];
const sessions: ClientHttp2Session[] = [];
const large = Buffer.alloc(4 * 1024 * 1024, 0x61);
let server: HttpServer | undefined;

afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  server?.destroy();
  waiting.length = 0;
  ends.length = 0;
  hits.length = 0;
});

const plain = { body: "none", dialect: "plain" } as const;
const text = { status: 200, contentType: "text/plain", lines: "" };

const routes: readonly Route[] = [
  {
    ...{ ...plain, method: "GET", path: "/wait" },
    handle: (exchange) => void waiting.push(exchange),
  },
  {
    ...{ ...plain, method: "POST", path: "/echo", body: "json" },
    handle: (exchange) => exchange.reply({ ...text, isPlain: true }, exchange.body),
  },
  {
    ...{ ...plain, method: "GET", path: "/large" },
    handle: (exchange) => exchange.replyParts(text, [large.subarray(0, 100), large.subarray(100)]),
  },
  {
    ...{ ...plain, method: "GET", path: "/stream" },
    handle(exchange) {
      const response = exchange.beginStream({ contentType: "text/plain", lines: "x-a: 1\r\n" });
      response?.write("one", () => response.end("two"));
      exchange.endStream("OK");
    },
  },
];

async function open(
  own: Partial<Limits> = {},
  keepAliveMs = 65_000,
  clock: Clock = systemClock,
): Promise<void> {
  const limits = { ...defaultLimits, ...own };
  const metrics = new ServerMetrics({ limits, clock, build: "test" });
  server = await startHttpServer({
    ...{ host: "127.0.0.1", port: 0, listenSockets: 1, limits, validationStatus: 400 },
    unread: new UnreadReplies({ limits, clock, limitHit: (name) => hits.push(name) }),
    ...{ routes, clock, counts: metrics.http, keepAliveMs },
    admit: () => {},
    finished: (_, code) => void ends.push(code),
    limitHit: (name) => void hits.push(name),
  });
}

function caller(): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${server?.port ?? 0}`);
  session.on("error", () => {});
  sessions.push(session);
  return session;
}

interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly rstCode: number;
}

type Send = (stream: ReturnType<ClientHttp2Session["request"]>) => void;
const nothing: Send = (stream) => void stream.end();

/** One request; never rejects. */
async function ask(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  send: Send = nothing,
): Promise<Heard> {
  const stream = session.request(headers, { endStream: false });
  const chunks: Buffer[] = [];
  let head: Record<string, unknown> = {};
  stream.on("response", (got) => {
    head = got;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  const closed = new Promise((done) => stream.once("close", done));
  send(stream);
  await closed;
  const status = Number(head[":status"] ?? 0);
  return { status, headers: head, body: Buffer.concat(chunks), rstCode: stream.rstCode ?? 0 };
}

const get = (path: string) => ({ ":path": path });
const post = (more: Record<string, string> = {}) => ({
  ...{ ":method": "POST", ":path": "/echo", "content-type": "application/json" },
  ...more,
});

test("a connection in cleartext lives on when the time for its first headers is over", async () => {
  await open({ headersReadMsMax: 100 });
  const session = caller();
  const first = await ask(session, { ":path": "/stream" });
  // The parser of HTTP/1, which saw the preface, looks for late callers each 100 ms.
  await new Promise((done) => setTimeout(done, 500));
  const second = await ask(session, { ":path": "/stream" });
  expect([first.status, second.status, session.closed]).toEqual([200, 200, false]);
  expect(hits).toEqual([]);
});

test("answers many streams of one connection, and says nothing of connections", async () => {
  await open();
  const session = caller();
  const bodies = Array.from({ length: 50 }, (_, index) => `[${index}]`);
  const heard = await Promise.all(
    bodies.map((body) => ask(session, post(), (stream) => void stream.end(body))),
  );
  expect(heard.map(({ body }) => String(body))).toEqual(bodies);
  const { headers } = heard[0] as Heard;
  expect(headers).toMatchObject({ ":status": 200, "content-length": "3" });
  expect(headers["x-request-id"]).toBeTypeOf("string");
  expect(Object.keys(headers)).not.toContain("connection");
  expect(server?.connections).toBe(1);
  expect(server?.openWork).toBe(0);
  await vi.waitFor(() => expect(ends).toEqual(new Array(50).fill("OK")));
});

test("answers HEAD without a body, streams in parts, and large replies whole", async () => {
  await open();
  const session = caller();
  const head = await ask(session, { ":method": "HEAD", ":path": "/large" });
  expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  expect(head.headers["content-length"]).toBe(String(large.length));
  const parts = await ask(session, get("/stream"));
  expect([String(parts.body), parts.headers["x-a"]]).toEqual(["onetwo", "1"]);
  const whole = await ask(session, get("/large"));
  expect(whole.body.equals(large)).toBe(true);
  expect(whole.headers["vary"]).toBe("accept-encoding");
  const packed = await ask(session, { ...get("/large"), "accept-encoding": "gzip" });
  expect(packed.headers["content-encoding"]).toBe("gzip");
  expect(packed.body.length).toBeLessThan(100_000);
});

test("reads compressed bodies, and those of callers who wait to be asked", async () => {
  await open();
  const session = caller();
  const packed = await ask(session, post({ "content-encoding": "gzip" }), (stream) => {
    stream.end(gzipSync("[1]"));
  });
  expect(String(packed.body)).toBe("[1]");
  const asked = await ask(session, post({ expect: "100-continue" }), (stream) => {
    stream.once("continue", () => stream.end("[2]"));
  });
  expect(String(asked.body)).toBe("[2]");
});

test("a body over its limit is refused by its length or as it comes, and cut", async () => {
  await open({ jsonBodyBytesMax: 1_000 });
  const session = caller();
  const whole = await ask(session, post(), (stream) => void stream.end("x".repeat(1_000)));
  expect(whole.status).toBe(200);
  const over = await ask(session, post(), (stream) => void stream.end("x".repeat(1_001)));
  expect([over.status, over.headers["x-error-code"]]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  // Neither of these ever ends its body.
  const told = await ask(session, post({ "content-length": "1000000" }), () => {});
  const grown = await ask(session, post(), (stream) => void stream.write("x".repeat(2_000)));
  for (const { status, rstCode } of [told, grown]) {
    expect([status, rstCode]).toEqual([413, constants.NGHTTP2_NO_ERROR]);
  }
  expect((await ask(session, get("/stream"))).status).toBe(200);
});

test("a path, a method, and headers over their limit are refused as in HTTP/1", async () => {
  await open();
  const session = caller();
  expect((await ask(session, get("/nowhere"))).status).toBe(404);
  expect((await ask(session, { ":method": "PUT", ":path": "/echo" })).status).toBe(405);
  expect((await ask(session, get(`/${"a".repeat(5_000)}`))).status).toBe(414);
  const { status } = await ask(session, { ...get("/stream"), "x-long": "a".repeat(15_000) });
  expect(status).toBe(200);
  const early = caller();
  // The client has not yet heard of the limit when it sends these.
  const first = await ask(early, { ...get("/stream"), "x-long": "a".repeat(17_000) });
  expect([0, 431]).toContain(first.status);
});

test("who resets a stream has left, and so has who ends the connection", async () => {
  await open();
  const session = caller();
  const stream = session.request(get("/wait"));
  stream.on("error", () => {});
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  stream.close(constants.NGHTTP2_CANCEL);
  await vi.waitFor(() => expect(ends).toEqual(["CANCELLED"]));
  expect(waiting[0]?.cancellation.isCancelled).toBe(true);
  session.request(get("/wait")).on("error", () => {});
  await vi.waitFor(() => expect(waiting).toHaveLength(2));
  session.destroy();
  await vi.waitFor(() => expect(ends).toEqual(["CANCELLED", "CANCELLED"]));
  await vi.waitFor(() => expect(server?.connections).toBe(0));
});

test("a body that is late or slow ends its stream alone", async () => {
  await open({ bodyReadMsMax: 100 });
  const session = caller();
  const late = await ask(session, post(), (stream) => void stream.write("["));
  expect([late.status, late.headers["x-error-code"]]).toEqual([408, "REQUEST_TIMEOUT"]);
  expect(hits).toEqual(["bodyReadMsMax"]);
  expect((await ask(session, get("/stream"))).status).toBe(200);
});

test("a body that comes too slowly ends after a window, one that keeps up does not", async () => {
  const clock = new FakeClock();
  await open({ bodyReadMsMax: 600_000, bodyBytesPerSecondMin: 1_000 }, 600_000, clock);
  const session = caller();
  const streams: ClientHttp2Stream[] = [];
  const heard = [0, 1].map(() =>
    ask(session, post({ "content-length": "50000" }), (stream) => {
      streams.push(stream);
    }),
  );
  await vi.waitFor(() => expect(server?.openWork).toBe(2));
  clock.advance(1_000);
  await new Promise((done) => setTimeout(done, 50));
  streams[0]?.write(Buffer.alloc(9_000));
  streams[1]?.write(Buffer.alloc(20_000));
  await new Promise((done) => setTimeout(done, 100));
  // Each look sets the next timer a turn later.
  for (let second = 0; second < 15; second += 1) {
    clock.advance(1_000);
    await new Promise((done) => setTimeout(done, 10));
  }
  expect((await heard[0])?.status).toBe(408);
  expect([hits, server?.openWork]).toEqual([["bodyBytesPerSecondMin"], 1]);
  streams[1]?.end(Buffer.alloc(30_000));
  expect((await heard[1])?.status).toBe(200);
});

test("a body may end with trailers, and who asks for a tunnel is refused", async () => {
  await open();
  const session = caller();
  const stream = session.request(post(), { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
  const heard = new Promise((done) => stream.once("data", (chunk) => done(String(chunk))));
  stream.end("[3]");
  expect(await heard).toBe("[3]");
  const tunnel = session.request({ ":method": "CONNECT", ":authority": "x:1" });
  const status = new Promise((done) => tunnel.once("response", (head) => done(head[":status"])));
  expect([404, 405]).toContain(await status);
});

test("a reply that nobody takes ends its stream, one that is taken slowly does not", async () => {
  await open({ replyReadMsMax: 300 });
  const session = caller();
  const stuck = session.request(get("/large"));
  stuck.on("error", () => {});
  stuck.pause();
  await new Promise((done) => stuck.once("close", done));
  expect(hits).toEqual(["replyReadMsMax"]);
  const slow = session.request(get("/large"));
  let bytes = 0;
  slow.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    slow.pause();
    setTimeout(() => slow.resume(), 10);
  });
  await new Promise((done) => slow.once("close", done));
  expect(bytes).toBe(large.length);
  expect(hits).toEqual(["replyReadMsMax"]);
}, 20_000);

test("an idle connection ends, one with a request under way does not", async () => {
  await open({}, 200);
  const busy = caller();
  busy.request(get("/wait")).on("error", () => {});
  const idle = caller();
  await ask(idle, get("/stream"));
  await new Promise((done) => idle.once("close", done));
  expect(busy.destroyed).toBe(false);
  await vi.waitFor(() => expect(server?.connections).toBe(1));
});

test("a drain tells connections, refuses what still arrives, and ends them", async () => {
  await open();
  const session = caller();
  const stopped = vi.fn();
  session.on("goaway", stopped);
  const late = ask(session, post(), (stream) => void stream.write("["));
  const whole = ask(session, get("/wait"));
  await vi.waitFor(() => expect([waiting.length, server?.openWork]).toEqual([1, 1]));
  server?.announceClose();
  await vi.waitFor(() => expect(stopped).toHaveBeenCalled());
  server?.refuseArriving(new ServingError("DRAINING", "the server is stopping"));
  expect((await late).status).toBe(503);
  server?.stop();
  waiting[0]?.replyJson("1");
  expect(String((await whole).body)).toBe("1");
  await vi.waitFor(() => expect(server?.connections).toBe(0));
});

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** Writes on a connection of its own; gives what came until it was ended, or for `msMax`. */
async function speak(parts: readonly Buffer[], msMax = 2_000): Promise<Buffer> {
  const socket = connectTcp({ port: server?.port ?? 0, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  const closed = new Promise((done) => socket.once("close", done));
  for (const part of parts) {
    socket.write(part);
    await new Promise((done) => setImmediate(done));
  }
  await Promise.race([closed, new Promise((done) => setTimeout(done, msMax))]);
  socket.destroy();
  return Buffer.concat(chunks);
}

test("the preface may come byte by byte", async () => {
  await open();
  const bytes = Buffer.concat([preface, settings]);
  const heard = await speak(
    [...bytes].map((byte) => Buffer.from([byte])),
    300,
  );
  // A SETTINGS frame of the server's, and its word for having read the caller's.
  expect(heard[3]).toBe(4);
  expect(heard.indexOf(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]))).toBeGreaterThan(0);
});

test("the preface behind a request, or one that is none, ends the connection", async () => {
  await open();
  const get1 = Buffer.from("GET /stream HTTP/1.1\r\nhost: x\r\n\r\n");
  const behind = String(await speak([get1, preface]));
  expect(behind.startsWith("HTTP/1.1 200 OK")).toBe(true);
  expect(behind).not.toContain("\x00\x00\x00\x04");
  const other = Buffer.from(String(preface).replace("SM", "XX"));
  expect(String(await speak([other]))).toContain("400 Bad Request");
});

test("a caller that says no more after the preface is ended in the time of headers", async () => {
  await open({ headersReadMsMax: 200 });
  const began = performance.now();
  await speak([preface], 10_000);
  expect(performance.now() - began).toBeLessThan(5_000);
  await vi.waitFor(() => expect(server?.connections).toBe(0));
});

test("an offer to change to HTTP/2 is answered in HTTP/1.1", async () => {
  await open();
  const offer =
    "GET /stream HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings, close\r\n" +
    "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
  const heard = String(await speak([Buffer.from(offer)]));
  expect(heard.startsWith("HTTP/1.1 200 OK")).toBe(true);
});
