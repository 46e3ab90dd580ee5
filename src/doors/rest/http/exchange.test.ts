// Goal: a refusal costs a connection only where a body is left that nobody reads, and even then the
// caller can read the answer. Method: a door over no model, spoken to over bare sockets.
import { once } from "node:events";
import { connect, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openRestRig, type RestRig } from "../../../../test/support/rest-rig.ts";
import { BodyRequest } from "./body-request.ts";

let rig: RestRig;
const mi = 1024 * 1024;

beforeAll(async () => {
  rig = await openRestRig([], { jsonBodyBytesMax: mi });
});
afterAll(() => rig.close());

interface Heard {
  readonly text: string;
  /** The error of the socket, or "". */
  readonly error: string;
}

/** Sends `parts` one after the other and hears what comes until the server ends. */
function speak(parts: readonly (string | Buffer)[], port = rig.door.port): Promise<Heard> {
  return new Promise((done) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let text = "";
    let error = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
    });
    socket.on("end", () => socket.end());
    socket.on("error", (thrown: NodeJS.ErrnoException) => {
      error = thrown.code ?? "error";
    });
    socket.on("close", () => done({ text, error }));
    for (const part of parts) socket.write(part);
  });
}

function statuses(text: string): string[] {
  return text.split("HTTP/1.1 ").flatMap((reply) => (reply === "" ? [] : [reply.slice(0, 3)]));
}

const last = "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const head = "HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

test("keeps the connection of a GET that is refused", async () => {
  const get = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n";
  const empty = "GET /health HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
  const { text } = await speak([get, empty, get, last]);
  expect(statuses(text)).toEqual(["404", "200", "404", "200"]);
  expect(text.split("connection: keep-alive").length - 1).toBe(3);
});

test("keeps the connection of a POST that is refused ahead of a small body", async () => {
  const post = `POST /nowhere ${head}content-length: 2000\r\n\r\n`;
  const { text } = await speak([post, "x".repeat(1_000), "x".repeat(1_000), last]);
  expect(statuses(text)).toEqual(["404", "200"]);
});

test("answers a body over its limit so that the answer can be read", async () => {
  const announced = `POST /predict ${head}content-length: ${16 * mi}\r\n\r\n`;
  const sent = [announced, ...Array.from({ length: 16 }, () => Buffer.alloc(mi, 32))];
  const { text, error } = await speak(sent);
  expect(statuses(text)).toEqual(["413"]);
  expect(text).toContain("connection: close");
  expect(error).toBe("");
});

test("answers a chunked body that has no end in sight, and ends when it does", async () => {
  const chunk = Buffer.concat([
    Buffer.from("100000\r\n"),
    Buffer.alloc(mi, 32),
    Buffer.from("\r\n"),
  ]);
  for (const path of ["/nowhere", "/predict"]) {
    const start = `POST ${path} ${head}transfer-encoding: chunked\r\n\r\n`;
    const { text, error } = await speak([start, ...Array(8).fill(chunk), "0\r\n\r\n"]);
    expect(statuses(text)).toEqual([path === "/predict" ? "413" : "404"]);
    expect(text).toContain("connection: close");
    expect(error).toBe("");
  }
});

test("keeps no byte that nobody asked for", () => {
  const request = new BodyRequest(new Socket());
  request.push(Buffer.alloc(1_000));
  request.push(null);
  let bytes = -1;
  request.readBody(
    { bytesMax: mi, bytesLimit: "jsonBodyBytesMax", declaredBytes: 0, tensorsFrom: 0 },
    (body) => {
      bytes = body.length;
    },
  );
  expect(bytes).toBe(0);
});

test("counts the bytes of bodies, inflated", async () => {
  const { requestBytes } = rig.service.metrics.http;
  const { count, sum } = requestBytes;
  const headers = { "content-type": "application/json" };
  const url = `${rig.url}/predict`;
  const body = " ".repeat(700);
  await fetch(url, { method: "POST", headers, body });
  const gzip = { ...headers, "content-encoding": "gzip" };
  await fetch(url, { method: "POST", headers: gzip, body: gzipSync(body) });
  expect(requestBytes.count - count).toBe(2);
  expect(requestBytes.sum - sum).toBe(1_400);
});

test("counts the connections of callers who were too slow", async () => {
  const slow = await openRestRig([], { headersReadMsMax: 10, bodyReadMsMax: 10 });
  const { text } = await speak(["POST /predict HTTP/1.1\r\nhost: x\r\n"], slow.door.port);
  expect(statuses(text)).toEqual(["408"]);
  const begun = `POST /predict ${head}content-length: 10\r\n\r\nabc`;
  expect(statuses((await speak([begun], slow.door.port)).text)).toEqual(["408"]);
  expect(slow.service.metrics.http.slowClosed).toBe(2);
  await slow.close();
});

test("cuts a caller who falls silent within a body that was refused", async () => {
  const slow = await openRestRig([], { headersReadMsMax: 10, bodyReadMsMax: 10 });
  const socket = connect({ port: slow.door.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(`POST /predict ${head}content-length: ${1024 * mi}\r\n\r\nabc`);
  await once(socket.resume(), "end");
  await vi.waitFor(() => expect(slow.door.connections).toBe(0), 10_000);
  socket.destroy();
  await slow.close();
});
