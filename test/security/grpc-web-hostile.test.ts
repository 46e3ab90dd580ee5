// Goal: no bytes of a caller of gRPC-Web, over either HTTP, crash the server, make it answer
// INTERNAL, or keep its memory. Method: the built server; bodies that are damaged, lie about their
// length, come byte by byte, never end or explode; every case ends with a healthy server.

import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prefixed } from "../../tools/grpc-requests.ts";
import { ask, openSession } from "../support/http2-client.ts";
import { residentBytes } from "../support/process-figures.ts";
import { sendWeb, type WebTerms, webRequest } from "../support/web-client.ts";
import { type House, isFull, openHouse, replay, seed } from "./hostile-house.ts";

const mi = 1024 * 1024;
const messageBytesMax = mi;
const infer = "inference.GRPCInferenceService/ModelInfer";
const type = { "content-type": "application/grpc-web+proto" };
let house: House;

beforeAll(async () => {
  house = await openHouse({
    limits: { grpcMessageBytesMax: messageBytesMax, bodyReadMsMax: 1_000 },
    // The heap of a new process grows in its first 9,000 calls or so and then stays: 21,000 more
    // of them added nothing.
    growthBytesMax: (isFull ? 200 : 32) * mi,
  });
});
afterAll(async () => {
  await house?.close();
});

const inputs = [{ name: "x", datatype: "FP32", shape: [1, 4] }];
const raw = [Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)];
const good = (): Buffer =>
  webRequest(infer, { model_name: "row", inputs, raw_input_contents: raw });

const carriers = [
  ["HTTP/1.1", false],
  ["HTTP/2", true],
] as const;

describe.each(carriers)("over %s", (_, isHttp2) => {
  const send = (body: Uint8Array, terms: WebTerms = {}) =>
    sendWeb(house.grpc, infer, body, { isHttp2, ...terms });

  test(`damaged bodies are answered or refused, never with our fault (${replay})`, async () => {
    let state = seed;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    const codes = new Map<number, number>();
    expect((await send(good())).code).toBe(0);
    for (let round = 0; round < (isFull ? 10_000 : 600); round += 25) {
      const ends = await Promise.all(
        Array.from({ length: 25 }, () => {
          const bytes = Buffer.from(good());
          for (let edit = next(4); edit >= 0; edit -= 1) bytes[next(bytes.length)] = next(256);
          const cut = next(3) === 0 ? bytes.subarray(0, next(bytes.length)) : bytes;
          return send(cut, { isText: next(2) === 0 });
        }),
      );
      for (const { status, code } of ends) {
        expect(status).toBe(200);
        expect([0, 3, 5, 8, 12]).toContain(code);
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    }
    expect(codes.get(3)).toBeGreaterThan(10);
    await house.endsWell();
  });

  test("bombs are stopped by size and by ratio", async () => {
    const headers = { "grpc-encoding": "gzip" };
    for (const bytes of [gzipSync(Buffer.alloc(4 * mi)), gzipSync(Buffer.alloc(mi / 2))]) {
      const end = await send(prefixed(bytes, 1), { headers });
      expect([end.status, end.code]).toEqual([200, 8]);
    }
    expect((await send(prefixed(gzipSync(good().subarray(5)), 1), { headers })).code).toBe(0);
    await house.endsWell();
  });
});

test("over HTTP/2 a body byte by byte is read as one", async () => {
  const session = openSession(`http://${house.grpc}`);
  const head = { ":method": "POST", ":path": `/${infer}`, ...type };
  const heard = await ask(session, head, (stream) => {
    for (const byte of good()) stream.write(Buffer.of(byte));
    stream.end();
  });
  expect(heard.bytes.includes("grpc-status: 0")).toBe(true);
  session.destroy();
  await house.endsWell();
});

test("over HTTP/2 sizes without a body take no memory and end in their time", async () => {
  const before = residentBytes(house.pid);
  const session = openSession(`http://${house.grpc}`);
  const head = { ":method": "POST", ":path": `/${infer}`, ...type };
  const promise = Buffer.alloc(5);
  promise.writeUInt32BE(messageBytesMax, 1);
  const ends = await Promise.all(
    Array.from({ length: 90 }, () => ask(session, head, (stream) => void stream.write(promise))),
  );
  for (const { status, bytes } of ends) {
    expect(status).toBe(200);
    expect(bytes.toString("latin1")).toContain("x-error-code: REQUEST_TIMEOUT");
  }
  expect(residentBytes(house.pid) - before).toBeLessThan(32 * mi);
  session.destroy();
  await house.endsWell();
});
