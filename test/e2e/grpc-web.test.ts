// Goal: what a browser sends over gRPC-Web is answered as over gRPC, and what is damaged is refused
// with a status that says why. Method: a hand-written client against the built server.
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt, until } from "../support/built-server.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { callWeb, sendWeb, type WebEnd, webFrame, webRequest } from "../support/web-client.ts";

const oip = "inference.GRPCInferenceService";
const infer = `${oip}/ModelInfer`;
const origin = "https://app.example";
let server: BuiltServer;

beforeAll(async () => {
  const limits = ["--set", "limits.grpcMessageBytesMax=65536"];
  server = await startBuilt([join(root, "models", "churn"), ...limits], {
    env: { MILLRACE_CORS_ORIGINS: origin },
  });
});

afterAll(async () => {
  await server?.stop("SIGKILL");
});

function request(items = 1, model = "churn"): Record<string, unknown> {
  const row = [45, 12, 79.5, 954];
  const values = Array.from({ length: items }, () => row).flat();
  return {
    model_name: model,
    inputs: [
      {
        name: "features",
        datatype: "FP32",
        shape: [items, 4],
        contents: { fp32_contents: values },
      },
    ],
  };
}

test.each([
  ["application/grpc-web", false],
  ["application/grpc-web+proto", false],
  ["application/grpc-web-text", true],
  ["application/grpc-web-text+proto", true],
])("%s is answered as gRPC is, in the same spelling", async (type, isText) => {
  const headers = { "content-type": type };
  const end = await callWeb(server.grpc, infer, request(3), { isText, headers });
  expect(end).toMatchObject({ status: 200, code: 0 });
  expect(end.headers.get("content-type")).toBe(type);
  const client = new GrpcClient(server.grpc);
  const { reply } = await client.call(infer, request(3));
  client.close();
  expect(end.replies).toEqual([reply]);
});

test("a caller that compresses is answered compressed", async () => {
  const message = webRequest(infer, request(500)).subarray(5);
  const end = await sendWeb(server.grpc, `${oip}/ServerLive`, webFrame(Buffer.alloc(0)), {
    headers: { "grpc-encoding": "gzip" },
  });
  expect(end).toMatchObject({ code: 0, replies: [{ live: true }] });
  expect(end.headers.get("grpc-encoding")).toBe("gzip");
  const body = webFrame(gzipSync(message), 1);
  const reply = await fetch(`http://${server.grpc}/${infer}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" },
    body,
  });
  const bytes = Buffer.from(await reply.arrayBuffer());
  expect(bytes[0]).toBe(1);
  expect(bytes.includes("grpc-status: 0")).toBe(true);
});

const cases: readonly [string, () => Promise<WebEnd>, number, string][] = [
  ["no message", () => sendWeb(server.grpc, infer, Buffer.alloc(0)), 3, "no message"],
  [
    "a truncated frame",
    () => sendWeb(server.grpc, infer, webRequest(infer, request()).subarray(0, 30)),
    3,
    "inside a message",
  ],
  [
    "two messages",
    () => {
      const one = webRequest(infer, request());
      return sendWeb(server.grpc, infer, Buffer.concat([one, one]));
    },
    3,
    "several messages",
  ],
  [
    "a flag of trailers",
    () => sendWeb(server.grpc, infer, webFrame(Buffer.from("a: b\r\n"), 0x80)),
    3,
    "flag is 128",
  ],
  [
    "a message over the limit, by its announcement",
    () => {
      const frame = webFrame(Buffer.alloc(0));
      frame.writeUInt32BE(65_537, 1);
      return sendWeb(server.grpc, infer, frame);
    },
    8,
    "grpcMessageBytesMax",
  ],
  [
    "text that is no base64",
    () =>
      sendWeb(server.grpc, infer, Buffer.from("?"), {
        headers: { "content-type": "application/grpc-web-text" },
      }),
    3,
    "not base64",
  ],
  [
    "text that ends early",
    () =>
      sendWeb(server.grpc, infer, Buffer.from("AAA"), {
        headers: { "content-type": "application/grpc-web-text" },
      }),
    3,
    "inside its base64",
  ],
  [
    "bytes that are no message",
    () => sendWeb(server.grpc, infer, webFrame(Buffer.from([0xff, 0xff]))),
    3,
    "",
  ],
  ["an unknown model", () => callWeb(server.grpc, infer, request(1, "naïve")), 5, "naïve"],
  [
    "an unknown compression",
    () => callWeb(server.grpc, infer, request(), { headers: { "grpc-encoding": "br" } }),
    12,
    "grpc-encoding",
  ],
  [
    "a compressed body",
    () => callWeb(server.grpc, infer, request(), { headers: { "content-encoding": "gzip" } }),
    12,
    "content-encoding",
  ],
  [
    "a stream of requests",
    () => callWeb(server.grpc, `${oip}/ModelStreamInfer`, request()),
    12,
    "stream of messages",
  ],
  [
    "a deadline that has passed",
    () => callWeb(server.grpc, infer, request(), { headers: { "grpc-timeout": "0m" } }),
    4,
    "deadline",
  ],
  [
    "a timeout that is none",
    () => callWeb(server.grpc, infer, request(), { headers: { "grpc-timeout": "soon" } }),
    3,
    "grpc-timeout",
  ],
];

test.each(cases)("%s is refused with a status", async (_, send, code, details) => {
  const end = await send();
  expect(end).toMatchObject({ status: 200, code, replies: [] });
  expect(end.details).toContain(details);
  expect(end.trailers["x-request-id"]).toBe(end.headers.get("x-request-id"));
});

test("metadata has 128 fields at most, as over gRPC", async () => {
  const send = async (count: number): Promise<WebEnd> => {
    const headers = Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, "1"]));
    return await callWeb(server.grpc, `${oip}/ServerLive`, {}, { headers });
  };
  // `fetch` adds some of its own.
  expect(await send(100)).toMatchObject({ status: 200, code: 0 });
  const refused = await send(129);
  expect(refused).toMatchObject({ status: 200, code: 8 });
  expect(refused.trailers["x-error-code"]).toBe("HEADER_TOO_LARGE");
  expect(refused.details).toContain("the limit is 128");
});

test("a message at the limit is read", async () => {
  const bytesMax = 65_536;
  const end = await sendWeb(server.grpc, infer, webFrame(Buffer.alloc(bytesMax)));
  expect(end.code).toBe(3);
  const over = await sendWeb(server.grpc, infer, webFrame(Buffer.alloc(bytesMax + 1)));
  expect(over.code).toBe(8);
});

test("what is no call is refused as HTTP, and the line says what the port takes", async () => {
  const url = `http://${server.grpc}/${infer}`;
  const get = await fetch(url);
  expect([get.status, get.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
  for (const type of ["application/json", "application/grpc", "application/grpc-web+json"]) {
    const reply = await fetch(url, {
      method: "POST",
      headers: { "content-type": type },
      body: "{}",
    });
    expect(reply.status).toBe(415);
    expect(await reply.text()).toContain("application/grpc-web-text");
  }
});

test("a watch sends its messages as they come and ends when its caller leaves", async () => {
  const leaving = new AbortController();
  const path = "grpc.health.v1.Health/Watch";
  const reply = await fetch(`http://${server.grpc}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web-text" },
    body: webRequest(path, { service: "" }).toString("base64"),
    signal: leaving.signal,
  });
  const part = await reply.body?.getReader().read();
  expect(Buffer.from(String(Buffer.from(part?.value ?? [])), "base64")).toEqual(
    webFrame(Buffer.from([8, 1])),
  );
  expect(await gauge("millrace_grpc_streams")).toBe(1);
  leaving.abort();
  await until(async () => (await gauge("millrace_grpc_streams")) === 0, 10_000);
});

async function gauge(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

test("a page of a named origin may call, and no other", async () => {
  const preflight = (from: string, names = "x-grpc-web,grpc-timeout,x-user-agent") =>
    fetch(`http://${server.grpc}/${infer}`, {
      method: "OPTIONS",
      headers: {
        ...{ origin: from, "access-control-request-method": "POST" },
        "access-control-request-headers": names,
      },
    });
  const asked = await preflight(origin);
  expect(asked.status).toBe(204);
  expect(Object.fromEntries(asked.headers)).toMatchObject({
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "x-grpc-web,grpc-timeout,x-user-agent",
    "access-control-max-age": "600",
  });
  const other = await preflight("https://other.example");
  expect(other.status).toBe(403);
  expect(other.headers.get("access-control-allow-origin")).toBeNull();
  const { headers } = await callWeb(server.grpc, infer, request(), { headers: { origin } });
  expect(headers.get("access-control-allow-origin")).toBe(origin);
  expect(headers.get("access-control-expose-headers")).toContain("grpc-status, grpc-message");
});

test("HTTP/2 and HTTP/1.1 share the port however slowly they begin", async () => {
  const [host = "", port = ""] = server.grpc.split(":");
  const socket = connect(Number(port), host);
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
  });
  const head = `POST /${oip}/ServerLive HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n`;
  const type = "content-type: application/grpc-web\r\n\r\n\0\0\0\0\0";
  for (const byte of `${head}${type}`) {
    socket.write(byte, "latin1");
    await new Promise((done) => setImmediate(done));
  }
  await until(async () => text.includes("grpc-status: 0"), 10_000);
  socket.destroy();
});
