// Goal: what a browser sends over gRPC-Web is answered as over gRPC, and what is damaged is refused
// with a status that says why. Method: a hand-written client against the built server.

import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prefixed } from "../../tools/grpc-requests.ts";
import { type BuiltServer, root, startBuilt, until } from "../support/built-server.ts";
import { GrpcClient, type Plain } from "../support/grpc-client.ts";
import { ask, openSession } from "../support/http2-client.ts";
import { callWeb, sendWeb, type WebEnd, type WebTerms, webRequest } from "../support/web-client.ts";

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
  const end = await sendWeb(server.grpc, `${oip}/ServerLive`, prefixed(Buffer.alloc(0)), {
    headers: { "grpc-encoding": "gzip" },
  });
  expect(end).toMatchObject({ code: 0, replies: [{ live: true }] });
  expect(end.headers.get("grpc-encoding")).toBe("gzip");
  const body = prefixed(gzipSync(message), 1);
  const reply = await fetch(`http://${server.grpc}/${infer}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" },
    body,
  });
  const bytes = Buffer.from(await reply.arrayBuffer());
  expect(bytes[0]).toBe(1);
  expect(bytes.includes("grpc-status: 0")).toBe(true);
});

type Case = readonly [string, () => Promise<WebEnd>, number, string];

function casesOver(isHttp2: boolean): readonly Case[] {
  const send = (path: string, bytes: Uint8Array, headers: WebTerms["headers"] = {}) =>
    sendWeb(server.grpc, path, bytes, { headers, isHttp2 });
  const call = (path: string, message: Plain, headers: WebTerms["headers"] = {}) =>
    callWeb(server.grpc, path, message, { headers, isHttp2 });
  return [
    ["no message", () => send(infer, Buffer.alloc(0)), 3, "no message"],
    [
      "a truncated frame",
      () => send(infer, webRequest(infer, request()).subarray(0, 30)),
      3,
      "inside a message",
    ],
    [
      "two messages",
      () => {
        const one = webRequest(infer, request());
        return send(infer, Buffer.concat([one, one]));
      },
      3,
      "several messages",
    ],
    [
      "a flag of trailers",
      () => send(infer, prefixed(Buffer.from("a: b\r\n"), 0x80)),
      3,
      "flag is 128",
    ],
    [
      "a message over the limit, by its announcement",
      () => {
        const frame = prefixed(Buffer.alloc(0));
        frame.writeUInt32BE(65_537, 1);
        return send(infer, frame);
      },
      8,
      "grpcMessageBytesMax",
    ],
    [
      "text that is no base64",
      () => send(infer, Buffer.from("?"), { "content-type": "application/grpc-web-text" }),
      3,
      "not base64",
    ],
    [
      "text that ends early",
      () => send(infer, Buffer.from("AAA"), { "content-type": "application/grpc-web-text" }),
      3,
      "inside its base64",
    ],
    ["bytes that are no message", () => send(infer, prefixed(Buffer.from([0xff, 0xff]))), 3, ""],
    ["an unknown model", () => call(infer, request(1, "naïve")), 5, "naïve"],
    [
      "an unknown compression",
      () => call(infer, request(), { "grpc-encoding": "br" }),
      12,
      "grpc-encoding",
    ],
    [
      "a compressed body",
      () => call(infer, request(), { "content-encoding": "gzip" }),
      12,
      "content-encoding",
    ],
    [
      "a stream of requests",
      () => call(`${oip}/ModelStreamInfer`, request()),
      12,
      "stream of messages",
    ],
    [
      "a deadline that has passed",
      () => call(infer, request(), { "grpc-timeout": "0m" }),
      4,
      "deadline",
    ],
    [
      "a timeout that is none",
      () => call(infer, request(), { "grpc-timeout": "soon" }),
      3,
      "grpc-timeout",
    ],
  ];
}

const carriers = [
  ["HTTP/1.1", false],
  ["HTTP/2", true],
] as const;

describe.each(carriers)("over %s", (_, isHttp2) => {
  test.each(casesOver(isHttp2))(
    "%s is refused with a status",
    async (_name, send, code, details) => {
      const end = await send();
      expect(end).toMatchObject({ status: 200, code, replies: [] });
      expect(end.details).toContain(details);
      expect(end.trailers["x-request-id"]).toBe(end.headers.get("x-request-id"));
    },
  );
});

test.each([false, true])("HTTP/2 carries the same answers (text: %s)", async (isText) => {
  const over1 = await callWeb(server.grpc, infer, request(3), { isText });
  const over2 = await callWeb(server.grpc, infer, request(3), { isText, isHttp2: true });
  expect(over2).toMatchObject({ status: 200, code: 0, replies: over1.replies });
  expect(over2.headers.get("content-type")).toBe(over1.headers.get("content-type"));
});

test("a reply beyond the first window arrives whole over HTTP/2", async () => {
  const end = await callWeb(server.grpc, infer, request(2_500), { isHttp2: true });
  expect(end).toMatchObject({ status: 200, code: 0 });
  const { replies } = await callWeb(server.grpc, infer, request(2_500));
  expect(end.replies).toEqual(replies);
});

test("HTTP/2: a page may ask, a watch comes as it goes, what is no call is refused", async () => {
  const session = openSession(`http://${server.grpc}`);
  const preflight = (from: string) =>
    ask(
      session,
      {
        ...{ ":method": "OPTIONS", ":path": `/${infer}`, origin: from },
        ...{
          "access-control-request-method": "POST",
          "access-control-request-headers": "x-grpc-web",
        },
      },
      (stream) => void stream.end(),
    );
  expect(await preflight(origin)).toMatchObject({
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "x-grpc-web",
    },
    rstCode: 0,
  });
  const other = await preflight("https://other.example");
  expect(other.status).toBe(403);
  expect(other.headers["access-control-allow-origin"]).toBeUndefined();
  const head = {
    ":method": "POST",
    ":path": `/${infer}`,
    "content-type": "application/grpc-web+json",
  };
  const json = await ask(session, head, (stream) => void stream.end("{}"));
  expect(json.status).toBe(415);
  expect(json.text).toContain("application/grpc-web-text");
  // The request is never ended: the answer comes all the same, and the stream is given up.
  const open = await ask(session, head, (stream) => void stream.write("{"));
  expect([open.status, open.rstCode]).toEqual([415, 0]);

  const path = "grpc.health.v1.Health/Watch";
  const watch = session.request({
    ...{ ":method": "POST", ":path": `/${path}`, "content-type": "application/grpc-web+proto" },
    origin,
  });
  watch.end(webRequest(path, { service: "" }));
  const [headers] = (await once(watch, "response")) as [Record<string, unknown>];
  expect(headers["access-control-allow-origin"]).toBe(origin);
  expect((await once(watch, "data"))[0]).toEqual(prefixed(Buffer.from([8, 1])));
  expect(await gauge("millrace_grpc_streams")).toBe(1);
  watch.close();
  await until(async () => (await gauge("millrace_grpc_streams")) === 0, 10_000);
  session.destroy();
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
  const end = await sendWeb(server.grpc, infer, prefixed(Buffer.alloc(bytesMax)));
  expect(end.code).toBe(3);
  const over = await sendWeb(server.grpc, infer, prefixed(Buffer.alloc(bytesMax + 1)));
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
    prefixed(Buffer.from([8, 1])),
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
