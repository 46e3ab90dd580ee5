// Goal: over TLS no connection outlives its time either, whatever version it speaks. Method: a
// server of three small routes with a certificate made by openssl, spoken to over TLS sockets.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { hasOpenssl } from "../../../../../test/support/certificates.ts";
import { defaultLimits, type Limits, systemClock } from "../../../../base/index.ts";
import { ServerMetrics } from "../../../../observe/index.ts";
import type { TlsParts } from "../../../../transport/index.ts";
import { UnreadReplies } from "../../../../transport/index.ts";
import type { Route } from "../router.ts";
import { type HttpServer, startHttpServer } from "../server.ts";

const large = Buffer.alloc(16 * 1024 * 1024);
const text = { status: 200, contentType: "text/plain", lines: "" };
const routes: readonly Route[] = [
  {
    ...{ method: "POST", path: "/echo", body: "json", dialect: "plain" },
    handle: (exchange) => exchange.replyJson(String(exchange.body)),
  },
  {
    ...{ method: "GET", path: "/large", body: "none", dialect: "plain" },
    handle: (exchange) => exchange.reply(text, large),
  },
];

describe.skipIf(!hasOpenssl())("TLS (skipped where openssl is missing)", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-secure-"));
  const hits: string[] = [];
  const sockets: TLSSocket[] = [];
  let tls: TlsParts;
  let server: HttpServer | undefined;

  beforeAll(() => {
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
    const files = ["-subj", "/CN=localhost", "-keyout", key, "-out", cert];
    execFileSync("openssl", [...words, ...files], { stdio: "ignore" });
    tls = { cert: readFileSync(cert), key: readFileSync(key), clientCa: undefined };
  });
  afterEach(() => {
    server?.destroy();
    for (const socket of sockets.splice(0)) socket.destroy();
    hits.length = 0;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function open(own: Partial<Limits> = {}, keepAliveMs = 65_000): Promise<void> {
    const limits = { ...defaultLimits, ...own };
    const clock = systemClock;
    const metrics = new ServerMetrics({ limits, clock, build: "test" });
    server = await startHttpServer({
      ...{ host: "127.0.0.1", port: 0, listenSockets: 2, limits, validationStatus: 400 },
      unread: new UnreadReplies({ limits, clock, limitHit: (name) => hits.push(name) }),
      ...{ routes, clock, counts: metrics.http, keepAliveMs, tls },
      admit: () => {},
      finished: () => {},
      limitHit: (name) => void hits.push(name),
    });
  }

  /** A caller who has shaken hands, and has sent `bytes`. */
  async function call(bytes: string, protocol = "http/1.1"): Promise<TLSSocket> {
    const port = server?.port ?? 0;
    const ALPNProtocols = [protocol];
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols });
    sockets.push(socket);
    socket.on("error", () => {});
    await new Promise<void>((done) => socket.once("secureConnect", () => done()));
    socket.write(bytes);
    return socket;
  }

  const echo = (body: string, bytes = body.length): string =>
    `POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: ${bytes}\r\n\r\n${body}`;
  const closed = (socket: TLSSocket): Promise<unknown> =>
    new Promise((done) => socket.once("close", done));

  test("an idle connection ends, and is counted until then", async () => {
    await open({}, 200);
    const socket = await call(echo("[1]"));
    const heard = new Promise((done) => socket.once("data", (chunk) => done(String(chunk))));
    expect(await heard).toContain("[1]");
    expect(server?.connections).toBe(1);
    await closed(socket);
    await vi.waitFor(() => expect(server?.connections).toBe(0));
  });

  test("a late body is told so and ends its connection", async () => {
    await open({ bodyReadMsMax: 200 });
    const socket = await call(echo("[", 10));
    let heard = "";
    socket.on("data", (chunk) => {
      heard += String(chunk);
    });
    await closed(socket);
    expect(heard).toContain("HTTP/1.1 408 ");
    expect(hits).toEqual(["bodyReadMsMax"]);
  });

  test("a reply that nobody takes is cut, one that is taken slowly is not", async () => {
    await open({ replyReadMsMax: 400 });
    const get = "GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    const stuck = await call(get);
    stuck.pause();
    await vi.waitFor(() => expect(hits).toEqual(["replyReadMsMax"]), 10_000);
    const slow = await call(get);
    let bytes = 0;
    slow.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      slow.pause();
      setTimeout(() => slow.resume(), 1);
    });
    await closed(slow);
    expect(bytes).toBeGreaterThan(large.length);
    expect(hits).toEqual(["replyReadMsMax"]);
  }, 30_000);

  test("connections above the limit are closed before their handshake", async () => {
    await open({ connectionsMax: 1 });
    await call(echo("[1]"));
    const port = server?.port ?? 0;
    const second = connectTcp({ port, host: "127.0.0.1" });
    second.on("error", () => {});
    await new Promise((done) => second.once("close", done));
    expect(hits).toEqual(["connectionsMax"]);
  });

  test("a handshake that never comes ends in the time of headers", async () => {
    await open({ headersReadMsMax: 200 });
    const port = server?.port ?? 0;
    const silent = connectTcp({ port, host: "127.0.0.1" });
    silent.on("error", () => {});
    await new Promise((done) => silent.once("close", done));
    await vi.waitFor(() => expect(server?.connections).toBe(0));
  });

  test("the preface of HTTP/2 is no way around what the handshake has settled", async () => {
    await open();
    const socket = await call("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const heard = new Promise((done) => socket.once("data", (chunk) => done(String(chunk))));
    expect(await heard).toContain("HTTP/1.1 400 ");
  });

  test("a connection of HTTP/2 that says nothing ends in the time of headers", async () => {
    await open({ headersReadMsMax: 300 });
    await closed((await call("", "h2")).resume());
    await vi.waitFor(() => expect(server?.connections).toBe(0));
  });
});
