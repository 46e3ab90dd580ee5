// Goal: answers keep to the order of the requests, whatever breaks behind them, and no connection
// outlives its time. Method: a server of three small routes, spoken to over bare sockets.
import { connect, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import {
  type Clock,
  defaultLimits,
  FakeClock,
  type Limits,
  ServingError,
  systemClock,
} from "../../../../base/index.ts";
import { ServerMetrics } from "../../../../observe/index.ts";
import { UnreadReplies } from "../../../../transport/index.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";
import { type HttpServer, startHttpServer } from "../server.ts";

const waiting: Exchange[] = [];
const hits: string[] = [];
const sockets: Socket[] = [];
let server: HttpServer | undefined;

afterEach(() => {
  server?.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  waiting.length = 0;
  hits.length = 0;
});

const routes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/wait", body: "none", dialect: "plain" },
    handle: (exchange) => void waiting.push(exchange),
  },
  {
    ...{ method: "POST", path: "/echo", body: "json", dialect: "plain" },
    handle: (exchange) => exchange.replyJson(String(exchange.body)),
  },
  {
    ...{ method: "GET", path: "/stream", body: "none", dialect: "plain" },
    handle(exchange) {
      exchange.beginStream({ contentType: "text/plain", lines: "" })?.end("1");
      exchange.endStream("OK");
    },
  },
  {
    ...{ method: "GET", path: "/large", body: "none", dialect: "plain" },
    handle: (exchange) =>
      exchange.reply({ status: 200, contentType: "text/plain", lines: "" }, large),
  },
];
const large = Buffer.alloc(32 * 1024 * 1024);

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
    upgrade: ({ socket }) => void socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    finished: () => {},
    limitHit: (name) => void hits.push(name),
  });
}

interface Caller {
  readonly socket: Socket;
  text: string;
  isEnded: boolean;
}

/** A caller who never closes by itself. */
function call(bytes: string): Caller {
  const socket = connect({ port: server?.port ?? 0, host: "127.0.0.1", allowHalfOpen: true });
  sockets.push(socket);
  const caller: Caller = { socket, text: "", isEnded: false };
  socket.on("data", (chunk) => {
    caller.text += String(chunk);
  });
  socket.on("end", () => {
    caller.isEnded = true;
  });
  socket.on("error", () => {});
  socket.write(bytes);
  return caller;
}

function statuses({ text }: Caller): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1] ?? "");
}

const wait = "GET /wait HTTP/1.1\r\nhost: x\r\n\r\n";
const begun = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{";
const until = (check: () => void): Promise<void> => vi.waitFor(check, 8_000);

test("a broken head behind an open request does not answer in its place", async () => {
  await open();
  const caller = call(`${wait}\0nonsense\r\n\r\n`);
  await until(() => expect(waiting.length).toBe(1));
  await new Promise((done) => setTimeout(done, 50));
  caller.socket.write("more nonsense");
  expect(caller.text).toBe("");
  waiting[0]?.replyJson("1");
  await until(() => expect(caller.isEnded).toBe(true));
  expect(statuses(caller)).toEqual(["200"]);
  expect(caller.text).toContain("connection: close");
});

test("what Node would answer by itself has its turn and its words too", async () => {
  await open();
  const odd = wait.replace("host: x", "expect: tea");
  const caller = call(`${wait}${odd}${wait.replace("host: x", "host: x\r\nexpect: tea")}\0`);
  await until(() => expect(waiting.length).toBe(2));
  expect(caller.text).toBe("");
  for (const exchange of waiting) exchange.replyJson("1");
  await until(() => expect(caller.isEnded).toBe(true));
  expect(statuses(caller)).toEqual(["200", "400", "200"]);
  expect(caller.text).toContain("header 'host': missing");
});

test("a slow head behind an open request does not answer in its place", async () => {
  await open({ headersReadMsMax: 50 });
  const caller = call(`${wait}GET /wa`);
  await until(() => expect(hits).toEqual(["headersReadMsMax"]));
  expect(caller.text).toBe("");
  waiting[0]?.replyJson("1");
  await until(() => expect(caller.isEnded).toBe(true));
  expect(statuses(caller)).toEqual(["200"]);
});

test("a slow or broken body behind an open request is answered in its turn", async () => {
  await open({ bodyReadMsMax: 50 });
  const slow = call(wait + begun);
  const bad = call(
    `${wait}POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
  );
  await until(() => expect(hits).toEqual(["bodyReadMsMax"]));
  await until(() => expect(waiting.length).toBe(2));
  expect(slow.text + bad.text).toBe("");
  for (const exchange of waiting) exchange.replyJson("1");
  await until(() => expect([slow.isEnded, bad.isEnded]).toEqual([true, true]));
  expect(statuses(slow)).toEqual(["200", "408"]);
  expect(statuses(bad)).toEqual(["200", "400"]);
});

test("two open requests are both answered before the connection ends", async () => {
  await open();
  const caller = call(`${wait}${wait}\0nonsense\r\n\r\n`);
  await until(() => expect(waiting.length).toBe(2));
  waiting[1]?.replyJson("2");
  await new Promise((done) => setTimeout(done, 50));
  waiting[0]?.replyJson("1");
  await until(() => expect(caller.isEnded).toBe(true));
  expect(statuses(caller)).toEqual(["200", "200"]);
});

test("a caller who is answered 408 and does not close is closed", async () => {
  await open({ bodyReadMsMax: 50 });
  const caller = call(begun);
  await until(() => expect(caller.isEnded).toBe(true));
  expect(statuses(caller)).toEqual(["408"]);
  await until(() => expect(server?.connections).toBe(0));
});

test("a body has its own time, whatever the headers may take", async () => {
  await open({ bodyReadMsMax: 50, headersReadMsMax: 600_000 });
  const caller = call(begun);
  await until(() => expect(statuses(caller)).toEqual(["408"]));
  expect(hits).toEqual(["bodyReadMsMax"]);
});

test("an idle connection ends at its time, and a busy one does not", async () => {
  await open({ replyReadMsMax: 100 }, 50);
  const busy = call(wait);
  const idle = call("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1");
  await until(() => expect(statuses(idle)).toEqual(["200"]));
  await until(() => expect(server?.connections).toBe(1));
  waiting[0]?.replyJson("1");
  await until(() => expect(statuses(busy)).toEqual(["200"]));
  await until(() => expect(server?.connections).toBe(0));
  expect(hits).toEqual([]);
});

test("a connection that became another protocol is not idle, whatever came before", async () => {
  await open({ replyReadMsMax: 100 }, 50);
  const post = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1";
  const caller = call(post);
  const idle = call(post);
  await until(() => expect(statuses(caller)).toEqual(["200"]));
  caller.socket.write(
    "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  );
  await until(() => expect(statuses(caller)).toEqual(["200", "101"]));
  await until(() => expect([statuses(idle), idle.isEnded]).toEqual([["200"], true]));
  await new Promise((done) => setTimeout(done, 200));
  expect([caller.isEnded, server?.connections]).toEqual([false, 1]);
});

test("every reply on a kept connection says how long it is kept", async () => {
  await open();
  const caller = call(
    "HEAD /large HTTP/1.1\r\nhost: x\r\n\r\nGET /stream HTTP/1.1\r\nhost: x\r\n\r\n" +
      "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1",
  );
  await until(() => expect(statuses(caller)).toEqual(["200", "200", "200"]));
  expect(caller.text.toLowerCase().split("keep-alive: timeout=65\r\n").length).toBe(4);
  const last = call("GET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  await until(() => expect(last.isEnded).toBe(true));
  expect(last.text.toLowerCase()).toContain("connection: close");
  expect(last.text.toLowerCase()).not.toContain("keep-alive");
  const old = call("GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  await until(() => expect(old.isEnded).toBe(true));
  expect(old.text.toLowerCase()).toContain("connection: close");
});

test("a reply that is not read is cut", async () => {
  await open({ replyReadMsMax: 100 }, 50);
  const caller = call("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
  caller.socket.pause();
  await until(() => expect(hits).toEqual(["replyReadMsMax"]));
  await until(() => expect(server?.connections).toBe(0));
});

test("a reply that is not read is cut, though its caller goes on sending", async () => {
  await open({ replyReadMsMax: 200, headersReadMsMax: 600_000 });
  const caller = call("GET /large HTTP/1.1\r\nhost: x\r\n\r\nGET /wait HTTP/1.1\r\nhost: x\r\na: ");
  caller.socket.pause();
  const sending = setInterval(() => caller.socket.write("b"), 20);
  try {
    await until(() => expect(hits).toEqual(["replyReadMsMax"]));
    await until(() => expect(server?.connections).toBe(0));
  } finally {
    clearInterval(sending);
  }
});

test("a reply that is read slowly, but read, is sent to its end", async () => {
  await open({ replyReadMsMax: 500 });
  const caller = call("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
  let bytes = 0;
  // Together longer than the limit; then fast, so that a busy machine comes to the end too.
  let pauses = 300;
  caller.socket.removeAllListeners("data");
  caller.socket.on("data", (chunk) => {
    bytes += chunk.length;
    if (pauses === 0) return;
    pauses -= 1;
    caller.socket.pause();
    setTimeout(() => caller.socket.resume(), 2);
  });
  await vi.waitFor(() => expect(bytes).toBeGreaterThan(large.length), 25_000);
  expect(hits).toEqual([]);
}, 30_000);

test("a body that comes too slowly is cut after a window, one that keeps up is not", async () => {
  const clock = new FakeClock();
  await open({ bodyReadMsMax: 600_000, bodyBytesPerSecondMin: 1_000 }, 65_000, clock);
  const post = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 50000\r\n\r\n";
  const slow = call(post);
  const steady = call(post);
  await until(() => expect(server?.openWork).toBe(2));
  clock.advance(1_000);
  slow.socket.write(Buffer.alloc(9_000));
  steady.socket.write(Buffer.alloc(20_000));
  await new Promise((done) => setTimeout(done, 100));
  clock.advance(9_999);
  await new Promise((done) => setTimeout(done, 50));
  expect(hits).toEqual([]);
  clock.advance(1);
  await until(() => expect(statuses(slow)).toEqual(["408"]));
  expect([slow.text.includes("REQUEST_TIMEOUT"), hits]).toEqual([true, ["bodyBytesPerSecondMin"]]);
  expect([steady.text, server?.openWork]).toEqual(["", 1]);
  steady.socket.write(Buffer.alloc(30_000));
  await until(() => expect(statuses(steady)).toEqual(["200"]));
  expect(hits).toEqual(["bodyBytesPerSecondMin"]);
});

test("a request counts as work while its body arrives, until it is over", async () => {
  await open();
  const caller = call(begun);
  const gone = call(begun);
  call(wait);
  await until(() => expect([waiting.length, server?.openWork]).toEqual([1, 2]));
  gone.socket.destroy();
  await until(() => expect(server?.openWork).toBe(1));
  caller.socket.write("123456789");
  await until(() => expect(statuses(caller)).toEqual(["200"]));
  expect(server?.openWork).toBe(0);
});

test("requests whose bodies are still arriving can be refused", async () => {
  await open();
  const caller = call(begun);
  await until(() => expect(server?.openWork).toBe(1));
  server?.refuseArriving(new ServingError("DRAINING", "the server is stopping"));
  await until(() => expect(caller.isEnded).toBe(true));
  expect([statuses(caller), server?.openWork]).toEqual([["503"], 0]);
});
