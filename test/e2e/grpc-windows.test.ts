// Goal: a call has one answer, whatever the windows, frames and writes that carry it. Method: the
// same random calls by @grpc/grpc-js (Node's HTTP/2) and by a client of frames by hand with windows
// from one byte up; status, message and bytes of the reply must be equal.
import { rmSync } from "node:fs";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inferRequest, prefixed } from "../../tools/grpc-requests.ts";
import { identity } from "../../tools/onnx/models.ts";
import { field } from "../../tools/protobuf.ts";
import { isFull, makeRepository } from "../security/hostile-house.ts";
import { type BuiltServer, startBuilt } from "../support/built-server.ts";
import { type RawEnd, RawGrpc, type RawTerms } from "../support/raw-grpc.ts";
import { Seeded } from "../support/seeded.ts";

const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_261_128);
const rounds = isFull ? 400 : 12;
const callsOfRound = 30;
const service = "/inference.GRPCInferenceService";
const mi = 1024 * 1024;

let server: BuiltServer;
let folder: string;
let client: Client;

beforeAll(async () => {
  folder = makeRepository({ "flat/1/model.onnx": identity("FP32", ["batch", "width"]) });
  server = await startBuilt([folder]);
  client = new Client(server.grpc, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
});

afterAll(async () => {
  client?.close();
  await server?.stop("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** A request on `flat` of one item of `raw`. */
function inferMessage(raw: Buffer, width: number): Buffer {
  return inferRequest({ model: "flat", shape: [1, width], raw });
}

interface Asked {
  readonly path: string;
  readonly messages: readonly Buffer[];
}

function askAnything(random: Seeded, bytesMax: number): Asked {
  const infer = (): Buffer => {
    const width = 1 + random.below(Math.max(1, bytesMax >>> 2));
    const raw = random.bytes(4 * width);
    // One in eight has a shape that its bytes do not fill.
    return inferMessage(raw, random.once(8) ? width + 1 : width);
  };
  return random.of<() => Asked>([
    () => ({ path: `${service}/ModelInfer`, messages: [infer()] }),
    () => ({ path: `${service}/ModelInfer`, messages: [infer()] }),
    () => ({ path: `${service}/ModelInfer`, messages: [random.bytes(random.below(60))] }),
    () => ({ path: `${service}/ModelMetadata`, messages: [field(1, "flat")] }),
    () => ({ path: `${service}/ServerLive`, messages: [Buffer.alloc(0)] }),
    () => ({ path: `${service}/NoSuchMethod`, messages: [Buffer.alloc(0)] }),
    () => ({
      path: `${service}/ModelStreamInfer`,
      messages: Array.from({ length: 1 + random.below(5) }, infer),
    }),
  ])();
}

function framed(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.map((each) => prefixed(each)));
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** By the library. */
async function byLibrary({ path, messages }: Asked): Promise<RawEnd> {
  const { promise, resolve } = Promise.withResolvers<RawEnd>();
  const [first = Buffer.alloc(0)] = messages;
  if (!path.endsWith("/ModelStreamInfer")) {
    client.makeUnaryRequest(path, asIs, asIs, first, (error: ServiceError | null, reply) => {
      if (error !== null) {
        resolve({ status: String(error.code), message: error.details, body: Buffer.alloc(0) });
      } else resolve({ status: "0", message: "", body: framed([reply ?? Buffer.alloc(0)]) });
    });
    return await promise;
  }
  const stream = client.makeBidiStreamRequest(path, asIs, asIs);
  const replies: Buffer[] = [];
  stream.on("error", () => {});
  stream.on("data", (reply: Buffer) => replies.push(reply));
  stream.on("status", ({ code, details }) =>
    resolve({ status: String(code), message: details, body: framed(replies) }),
  );
  for (const each of messages) stream.write(each);
  stream.end();
  return await promise;
}

const lines: readonly (RawTerms & { readonly bytesMax: number })[] = [
  { windowBytes: 1, frameBytesMax: 40, writeBytesMax: 1, bytesMax: 400 },
  { windowBytes: 7, frameBytesMax: 16_384, writeBytesMax: 5, bytesMax: 2_000 },
  { windowBytes: 1_000, frameBytesMax: 3, writeBytesMax: 60, bytesMax: 4_000 },
  { windowBytes: 16_384, frameBytesMax: 1_000, writeBytesMax: 3_000, bytesMax: 100_000 },
  { windowBytes: 65_535, frameBytesMax: 16_384, writeBytesMax: 100_000, bytesMax: 400_000 },
  { windowBytes: 2 ** 31 - 1, frameBytesMax: 16_384, writeBytesMax: 2 ** 24, bytesMax: 2 * mi },
];

test.each(lines)(
  "windows of $windowBytes, frames of $frameBytesMax, writes of $writeBytesMax",
  { timeout: 1_200_000 },
  async ({ bytesMax, ...terms }) => {
    const random = new Seeded(seed + terms.windowBytes);
    const statuses = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      const raw = new RawGrpc(server.grpc, random, terms);
      const asked = Array.from({ length: callsOfRound }, () =>
        askAnything(random, random.once(4) ? bytesMax : 200),
      );
      const byHand = asked.map(({ path, messages }) => raw.call(path, framed(messages)));
      const ends = await Promise.all(byHand);
      raw.close();
      const wanted = await Promise.all(asked.map(byLibrary));
      for (const [index, end] of ends.entries()) {
        expect([asked[index]?.path, end.status, end.message]).toEqual([
          ...[asked[index]?.path, wanted[index]?.status, wanted[index]?.message],
        ]);
        expect(end.body.equals(wanted[index]?.body ?? Buffer.alloc(0))).toBe(true);
        statuses.set(end.status, (statuses.get(end.status) ?? 0) + 1);
      }
    }
    expect(statuses.get("0")).toBeGreaterThan(rounds * 10);
    expect(statuses.get("3")).toBeGreaterThan(rounds);
    expect(statuses.get("12")).toBeGreaterThan(rounds);
    if (isFull) process.stderr.write(`${JSON.stringify([...statuses])}\n`);
  },
);

test("a message of 64 MiB goes there and back over frames of 16 KiB", async () => {
  const width = 16 * mi - 64;
  const raw = Buffer.alloc(4 * width);
  for (let at = 0; at < raw.length; at += 4_093) raw[at] = at % 251;
  const message = inferMessage(raw, width);
  expect(message.length).toBeGreaterThan(64 * mi - 300);
  const asked = { path: `${service}/ModelInfer`, messages: [message] };
  const terms = { windowBytes: 1_000_000, frameBytesMax: 16_384, writeBytesMax: 2 ** 20 };
  const byHand = new RawGrpc(server.grpc, new Seeded(seed), terms);
  const end = await byHand.call(asked.path, framed(asked.messages));
  byHand.close();
  const library = await byLibrary(asked);
  expect([end.status, library.status]).toEqual(["0", "0"]);
  expect(end.body.length).toBeGreaterThan(raw.length);
  expect(end.body.equals(library.body)).toBe(true);
  expect(end.body.subarray(-raw.length).equals(raw)).toBe(true);
});
