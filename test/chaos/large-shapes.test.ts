// Goal: memory of large requests that is used again never shows in another answer, in whatever form
// requests come and answers go: two outputs of one frame, one of them as JSON, requests that share
// a batch, that are cut into slices, that are sent ahead on one connection, that come as JSON read
// in a thread, over HTTP/2 and gRPC-Web, and that are late. Method: a model that answers twice what
// it is asked, every caller with bytes of its own, all forms at once; each answer is compared.
import { connect } from "node:net";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/index.ts";
import { tensorValue, writeModel } from "../../tools/onnx/builder.ts";
import type { BuiltServer } from "../support/built-server.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { openSession } from "../support/http2-client.ts";
import { callWeb } from "../support/web-client.ts";
import { isFull, setting, startServer, writeModels } from "./chaos-rig.ts";

const callers = 10;
const turns = isFull ? 300 : 12;
const path = "/v2/models/twin/infer";
const oip = "inference.GRPCInferenceService/ModelInfer";
/** A row is 16 KiB: two of them pass through memory that is used again. */
const width = 4_096;

function twin(): Uint8Array {
  return writeModel({
    nodes: [
      { op: "Identity", inputs: ["x"], outputs: ["y"] },
      { op: "Identity", inputs: ["x"], outputs: ["z"] },
    ],
    inputs: [tensorValue("x", "INT32", ["batch", width])],
    outputs: ["y", "z"].map((name) => tensorValue(name, "INT32", ["batch", width])),
  });
}

/** Rows that only this mark has. */
function rowsOf(mark: number, rows: number): Int32Array {
  const words = new Int32Array(rows * width);
  let state = mark * 7919 + 1;
  for (let at = 0; at < words.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    words[at] = state;
  }
  return words;
}

function bytesOf(words: Int32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}

interface Asked {
  readonly server: BuiltServer;
  readonly client: GrpcClient;
  readonly words: Int32Array;
  /** Makes other words for those who ask several things at once. */
  another(): Int32Array;
}

/** Whether each answer was right; `undefined` where the server said that it could not. */
type Form = (asked: Asked) => Promise<boolean | undefined>;

function isSame(words: Int32Array, ...answers: readonly (Uint8Array | undefined)[]): boolean {
  const bytes = bytesOf(words);
  return answers.every((each) => each !== undefined && Buffer.compare(each, bytes) === 0);
}

function headOf(words: Int32Array, outputs: readonly object[]): Buffer {
  const parameters = { binary_data_size: words.byteLength };
  const shape = [words.length / width, width];
  return Buffer.from(
    JSON.stringify({ inputs: [{ name: "x", shape, datatype: "INT32", parameters }], outputs }),
  );
}

const both = ["y", "z"].map((name) => ({ name, parameters: { binary_data: true } }));
const oneAsJson = [{ name: "z" }, { name: "y", parameters: { binary_data: true } }];

async function post(server: BuiltServer, words: Int32Array, more: Record<string, string> = {}) {
  const head = headOf(words, more["x-mixed"] === undefined ? both : oneAsJson);
  const reply = await fetch(server.url + path, {
    method: "POST",
    headers: { "inference-header-content-length": String(head.length), ...more },
    body: Buffer.concat([head, bytesOf(words)]),
  });
  const bytes = Buffer.from(await reply.arrayBuffer());
  const from = Number(reply.headers.get("inference-header-content-length"));
  return { status: reply.status, json: bytes.subarray(0, from), binary: bytes.subarray(from) };
}

async function twoOutputs({ server, words }: Asked): Promise<boolean> {
  const { binary } = await post(server, words);
  const size = words.byteLength;
  return isSame(words, binary.subarray(0, size), binary.subarray(size));
}

async function mixed({ server, words }: Asked): Promise<boolean> {
  const few = words.subarray(0, 6 * width);
  const { json, binary } = await post(server, few, { "x-mixed": "1" });
  const { outputs } = JSON.parse(String(json)) as { outputs: { name: string; data?: number[] }[] };
  const data = outputs.find(({ name }) => name === "z")?.data ?? [];
  return isSame(few, binary, bytesOf(Int32Array.from(data)));
}

/** Leaves by its deadline or is answered. */
async function late({ server, words }: Asked): Promise<boolean | undefined> {
  const { status, binary } = await post(server, words, { "x-request-timeout-ms": "8" });
  if (status !== 200) return undefined;
  return isSame(words, binary.subarray(0, words.byteLength));
}

async function jsonIn({ server, words }: Asked): Promise<boolean> {
  const few = words.subarray(0, 8 * width);
  const inputs = [
    { name: "x", shape: [few.length / width, width], datatype: "INT32", data: [...few] },
  ];
  const reply = await fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs, outputs: both }),
  });
  const bytes = Buffer.from(await reply.arrayBuffer());
  const binary = bytes.subarray(Number(reply.headers.get("inference-header-content-length")));
  return isSame(few, binary.subarray(0, few.byteLength), binary.subarray(few.byteLength));
}

/** Three requests in one piece, three answers behind each other. */
async function ahead({ server, words, another }: Asked): Promise<boolean> {
  const asked = [words, another(), another()];
  const socket = connect(server.port, "127.0.0.1");
  for (const each of asked) {
    const head = headOf(each, both);
    const isLast = each === asked.at(-1);
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: ${isLast ? "close" : "keep-alive"}\r\n` +
        `content-length: ${head.length + each.byteLength}\r\n` +
        `inference-header-content-length: ${head.length}\r\n\r\n`,
    );
    socket.write(head);
    socket.write(bytesOf(each));
  }
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  let rest = Buffer.concat(chunks);
  return asked.every((each) => {
    const end = rest.indexOf("\r\n\r\n") + 4;
    const head = rest.subarray(0, end).toString("latin1").toLowerCase();
    const length = Number(/\ncontent-length: (\d+)/.exec(head)?.[1]);
    const from = end + Number(/inference-header-content-length: (\d+)/.exec(head)?.[1]);
    const binary = rest.subarray(from, end + length);
    rest = rest.subarray(end + length);
    return isSame(each, binary.subarray(0, each.byteLength), binary.subarray(each.byteLength));
  });
}

async function overHttp2({ server, words }: Asked): Promise<boolean> {
  const session = openSession(server.url);
  const head = headOf(words, both);
  const length = { "inference-header-content-length": String(head.length) };
  const stream = session.request({ ":method": "POST", ":path": path, ...length });
  let from = 0;
  stream.on("response", (headers) => {
    from = Number(headers["inference-header-content-length"]);
  });
  stream.end(Buffer.concat([head, bytesOf(words)]));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  session.close();
  const binary = Buffer.concat(chunks).subarray(from);
  return isSame(words, binary.subarray(0, words.byteLength), binary.subarray(words.byteLength));
}

function message(words: Int32Array): Record<string, unknown> {
  const shape = [words.length / width, width];
  const inputs = [{ name: "x", datatype: "INT32", shape }];
  return { model_name: "twin", inputs, raw_input_contents: [bytesOf(words)] };
}

async function overGrpc({ client, words }: Asked): Promise<boolean> {
  const { reply } = await client.call(oip, message(words));
  return isSame(words, ...((reply["raw_output_contents"] ?? [undefined]) as Buffer[]));
}

/** Gives up in the middle, or is answered. */
async function cancelled({ client, words }: Asked): Promise<boolean | undefined> {
  const { code, reply } = await client.call(oip, message(words), {
    signal: AbortSignal.timeout(6),
  });
  if (code !== 0) return undefined;
  return isSame(words, ...((reply["raw_output_contents"] ?? [undefined]) as Buffer[]));
}

async function overWeb({ server, words }: Asked): Promise<boolean> {
  const { replies } = await callWeb(server.grpc, oip, message(words));
  return isSame(words, ...((replies[0]?.["raw_output_contents"] ?? [undefined]) as Buffer[]));
}

const forms: readonly (readonly [string, Form])[] = Object.entries({
  ...{ twoOutputs, mixed, late, jsonIn, ahead, overHttp2, overGrpc, cancelled, overWeb },
});

async function run(server: BuiltServer, caller: number, counts: Map<string, number>) {
  const random: Random = seededRandom(caller + 101);
  const client = new GrpcClient(server.grpc);
  let mark = caller * 1_000_000;
  const another = (): Int32Array => {
    mark += 1;
    return rowsOf(mark, 1 + Math.floor(4 ** (random.next() * 3)));
  };
  for (let turn = 0; turn < turns; turn += 1) {
    const [name, form] = forms[Math.floor(random.next() * forms.length)] ?? ["", twoOutputs];
    const answer = await form({ server, client, words: another(), another });
    if (answer === undefined) continue;
    expect(answer, `${name}, caller ${caller}, turn ${turn}: another answer`).toBe(true);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  client.close();
}

test.each([
  ["one front", []],
  ["two fronts", ["--fronts", "2"]],
  ["batches of one", setting({ "batching.itemsMax": 1 })],
])(
  "no form of a large request is answered with another's bytes (%s)",
  async (_, args) => {
    const folder = writeModels({ "twin.onnx": twin() });
    const server = await startServer([`${folder}/twin.onnx`, ...args]);
    const counts = new Map<string, number>();
    await Promise.all(Array.from({ length: callers }, (_, caller) => run(server, caller, counts)));
    const answered = [...counts.keys()].sort();
    const sure = forms.map(([name]) => name).filter((name) => !/late|cancelled/.test(name));
    expect(answered).toEqual(expect.arrayContaining(sure));
    expect(await server.stop()).toBe(0);
  },
  600_000,
);
