// Goal: the client lives with servers and connections that behave as Millrace does not: messages
// in other spellings, sessions that end, replies that are none. Method: the built client against a
// small HTTP/2 server of the test, which reads and writes the messages with another protobuf
// library and gives the inputs back as outputs. What Millrace does is in `grpc.test.ts`.
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { expect, onTestFinished, test } from "vitest";
import { clientFolder } from "./built-client.ts";

const entry = pathToFileURL(join(clientFolder, "dist/grpc/index.js")).href;
const { createGrpcClient } = (await import(entry)) as typeof import("../src/grpc/index.ts");

interface SeenCall {
  readonly headers: IncomingHttpHeaders;
  readonly message: Uint8Array;
  readonly stream: ServerHttp2Stream;
  /** From 1. */
  readonly number: number;
}

/** Starts a server that hands each call to `act`; ends with the test. */
async function standIn(act: (call: SeenCall) => void): Promise<string> {
  let number = 0;
  const server: Http2Server = createServer();
  const sessions: { destroy(): void }[] = [];
  server.on("session", (session) => void sessions.push(session));
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      number += 1;
      act({ headers, message: Buffer.concat(chunks).subarray(5), stream, number });
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer({ stream }: SeenCall, message: Uint8Array): void {
  if (stream.destroyed) return;
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "x-request-id": "g-1" },
    { waitForTrailers: true },
  );
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  // In two parts, so that a message need not come in one piece.
  stream.write(frame.subarray(0, 7));
  stream.end(frame.subarray(7));
}

function refuse({ stream }: SeenCall, trailers: Record<string, string>): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", ...trailers },
    { endStream: true },
  );
}

interface ReadTensor {
  name: string;
  datatype: string;
  shape: number[];
}

interface ReadRequest {
  readonly model: string;
  readonly version: string;
  readonly parameters: number;
  readonly tensors: readonly ReadTensor[];
  readonly contents: readonly Uint8Array[];
}

function readTensor(bytes: Uint8Array): ReadTensor {
  const tensor: ReadTensor = { name: "", datatype: "", shape: [] };
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) tensor.name = reader.string();
    else if (field === 2) tensor.datatype = reader.string();
    else {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) tensor.shape.push(Number(reader.int64()));
    }
  }
  return tensor;
}

function readRequest(message: Uint8Array): ReadRequest {
  const found = { model: "", version: "", parameters: 0 };
  const tensors: ReadTensor[] = [];
  const contents: Uint8Array[] = [];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) found.model = reader.string();
    else if (field === 2) found.version = reader.string();
    else if (field === 5) tensors.push(readTensor(reader.bytes()));
    else if (field === 7) contents.push(reader.bytes());
    else {
      reader.skip(type);
      if (field === 4) found.parameters += 1;
    }
  }
  return { ...found, tensors, contents };
}

/** The inputs back as outputs; the shape unpacked, as some servers write it. */
function echo(call: SeenCall): void {
  const { model, version, tensors, contents } = readRequest(call.message);
  const writer = new BinaryWriter().tag(1, 2).string(model).tag(2, 2).string(version);
  for (const { name, datatype, shape } of tensors) {
    writer.tag(5, 2).fork().tag(1, 2).string(name).tag(2, 2).string(datatype);
    for (const size of shape) writer.tag(3, 0).int64(size);
    writer.join();
  }
  for (const bytes of contents) writer.tag(6, 2).bytes(bytes);
  answer(call, writer.finish());
}

test("tensors go there and back bit by bit, with model, version and parameters", async () => {
  const seen: SeenCall[] = [];
  const url = await standIn((call) => {
    seen.push(call);
    echo(call);
  });
  const client = createGrpcClient({ url });
  const inputs = {
    a: { shape: [2, 2], data: Float32Array.of(0.1, Number.NaN, -0, 1e30) },
    b: { shape: [1], data: BigInt64Array.of(-(2n ** 63n)) },
    c: { shape: [3], data: ["grüß", "", "🌊"] },
    d: { shape: [0], data: new Float64Array() },
    e: { shape: [300], data: Uint8Array.from({ length: 300 }, (_, index) => index % 251) },
  };
  const parameters = { priority: 1, note: "x", share: 0.5, deep: true };
  const options = { version: "1.2.0", parameters, requestId: "r-7", timeoutMs: 5_000 };
  const { outputs, model, version, requestId } = await client.infer("m", inputs, options);
  expect([model, version, requestId]).toEqual(["m", "1.2.0", "g-1"]);
  for (const [name, { shape, data }] of Object.entries(inputs)) {
    expect(outputs[name]?.shape).toEqual(shape);
    expect(outputs[name]?.data).toEqual(data);
  }
  const [call] = seen;
  expect(call?.headers).toMatchObject({
    ":path": "/inference.GRPCInferenceService/ModelInfer",
    "content-type": "application/grpc",
    te: "trailers",
    "x-request-id": "r-7",
    "grpc-timeout": expect.stringMatching(/^\d{1,4}m$/),
  });
  expect(readRequest(call?.message ?? new Uint8Array()).parameters).toBe(4);
  client.close();
});

test("a fault has the server's code, message, id and wait, and may be tried again", async () => {
  const url = await standIn((call) => {
    if (call.number === 1) {
      refuse(call, {
        "grpc-status": "3",
        "grpc-message": "age: 451 is too much, gr%C3%BC%C3%9Fe",
        "x-error-code": "INVALID_INPUT",
        "x-request-id": "g-2",
      });
    } else if (call.number === 2) {
      const wait = { "retry-after": "1", "grpc-retry-pushback-ms": "10" };
      refuse(call, { "grpc-status": "14", "x-error-code": "WORKER_LOST", ...wait });
    } else echo(call);
  });
  const client = createGrpcClient({ url, retry: { backoffMsMin: 1 } });
  const x = { shape: [1], data: Int32Array.of(1) };
  await expect(client.infer("m", { x })).rejects.toMatchObject({
    code: "INVALID_INPUT",
    status: 400,
    message: "age: 451 is too much, grüße",
    requestId: "g-2",
  });
  expect((await client.infer("m", { x })).outputs["x"]?.data).toEqual(Int32Array.of(1));
  client.close();
});

test("a session that ends is made again; nobody there is CONNECTION_FAILED", async () => {
  const url = await standIn((call) => {
    if (call.number === 1) call.stream.session?.destroy();
    else echo(call);
  });
  const client = createGrpcClient({ url, retry: { backoffMsMin: 1 } });
  const x = { shape: [1], data: Int32Array.of(1) };
  const many = Array.from({ length: 8 }, () => client.infer("m", { x }));
  for (const each of await Promise.all(many)) expect(each.model).toBe("m");
  client.close();
  const nobody = createGrpcClient({ url: "http://127.0.0.1:9", retry: { backoffMsMin: 1 } });
  await expect(nobody.infer("m", { x })).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
});

test.each([
  ["a field that is cut off", Uint8Array.of(0x0a, 5, 1)],
  ["a group", Uint8Array.of(0x0b)],
  ["a varint without an end", new Uint8Array(12).fill(0xff)],
  ["a text that is no UTF-8", Uint8Array.of(0x0a, 1, 0xff)],
])("%s is INVALID_REPLY", async (_, message) => {
  const url = await standIn((call) => answer(call, message));
  const client = createGrpcClient({ url });
  const x = { shape: [1], data: Int32Array.of(1) };
  await expect(client.infer("m", { x })).rejects.toMatchObject({ code: "INVALID_REPLY" });
  client.close();
});
