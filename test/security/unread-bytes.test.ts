// Goal: what callers ask for and do not read takes no more memory than the limits say, on one
// connection and on all together, whatever they speak; the connection that has let it wait longest
// pays, others are answered meanwhile, and everything comes back. Method: callers of frames by hand
// and of bytes over HTTP/1.1 who never read, against the built server with small limits; what is
// counted, and resident memory, are looked at while they hold what they hold.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { inferRequest, prefixed } from "../../tools/grpc-requests.ts";
import { widen } from "../../tools/onnx/models.ts";
import { post, until } from "../support/built-server.ts";
import { FrameCaller } from "../support/frame-caller.ts";
import { data, flag, setting, type, windowUpdate } from "../support/http2-frames.ts";
import { residentBytes } from "../support/process-figures.ts";
import { type House, isFull, metricOf, openHouse } from "./hostile-house.ts";
import { postBytes, RawConnection } from "./raw-http.ts";

const mi = 1024 * 1024;
/** Values of a reply: 2 MiB as a tensor. */
const wide = mi / 2;
const replyBytes = 4 * wide;
const connectionUnreadBytesMax = 8 * mi;
const unreadBytesMax = 32 * mi;
/** What a reply may have beside its tensor. */
const someBytes = 64 * 1024;
/**
 * What the C library may keep of the blocks of 64 KiB in which some hundred replies of 2 MiB were
 * read: it gives back only what lies at the end of its heap.
 */
const keptBytesMax = 256 * mi;
const connections = 24;
const calm = 11;
let house: House;

beforeAll(async () => {
  house = await openHouse({
    files: { "wide/1/model.onnx": widen(wide) },
    limits: { connectionUnreadBytesMax, unreadBytesMax, replyReadMsMax: 60_000 },
    growthBytesMax: keptBytesMax,
  });
});
const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});
afterAll(async () => {
  await house?.close();
});

const metric = (name: string): Promise<number> => metricOf(house, name);
const unreadBytes = (): Promise<number> => metric("millrace_unread_bytes");
const hits = (name: string): Promise<number> => metric(`millrace_limit_hits_total{name="${name}"}`);

const message = inferRequest({ model: "wide", shape: [1, 1], raw: Buffer.alloc(4) });
const service = "/inference.GRPCInferenceService";
const binary = JSON.stringify({
  inputs: [{ name: "x", shape: [1, 1], datatype: "FP32", data: [1] }],
  parameters: { binary_data_output: true },
});
const inferPath = "/v2/models/wide/infer";

/** A connection that asks and does not read. */
interface Asker {
  /** Asks for `count` replies of 2 MiB. */
  ask(count: number): void;
  /** Replies that were refused so far, as far as that is said. */
  refused(): number;
  readonly isClosed: boolean;
  close(): void;
}

type Speak = () => Asker;

function kept<Thing extends { close(): void }>(thing: Thing): Thing {
  open.push(thing);
  return thing;
}

/** Trailers, or headers of an answer, that say that there was no place. */
function refusals(caller: FrameCaller): number {
  const isRefused = (payload: Buffer): boolean => payload.includes("REPLIES_UNREAD");
  return caller.frames.filter((each) => each.type === type.headers && isRefused(each.payload))
    .length;
}

function grpcAsker(fields: Readonly<Record<string, string>> = {}): Asker {
  const caller = kept(new FrameCaller(house.grpc, [setting.window, 0]));
  return Object.assign(caller, {
    ask(count: number) {
      const call = { path: `${service}/ModelInfer`, message, fields };
      for (let index = 0; index < count; index += 1) caller.call(call);
    },
    refused: () => (fields["content-type"] === undefined ? refusals(caller) : Number.NaN),
  });
}

/** All requests on one stream, whose replies wait for their turn behind the first. */
function grpcStreamAsker(): Asker {
  const caller = kept(new FrameCaller(house.grpc, [setting.window, 0]));
  let id: number | undefined;
  return Object.assign(caller, {
    ask(count: number) {
      const path = `${service}/ModelStreamInfer`;
      id ??= caller.call({ path, message, isLast: false });
      for (let index = 1; index < count; index += 1) caller.send(id, message);
    },
    refused: () => Number.NaN,
  });
}

function restHttp2Asker(): Asker {
  const caller = kept(new FrameCaller(`127.0.0.1:${house.port}`, [setting.window, 0]));
  return Object.assign(caller, {
    ask(count: number) {
      const head = { ":method": "POST", ":scheme": "http", ":authority": "x", ":path": inferPath };
      for (let index = 0; index < count; index += 1) {
        const id = caller.open({ ...head, "content-type": "application/json" });
        caller.say(data(id, binary, { isLast: true }));
      }
    },
    refused: () => Number.NaN,
  });
}

function http1Asker(port: number, bytes: Buffer): Asker {
  const connection = new RawConnection(port);
  connection.socket.pause();
  return {
    ask: (count) => void connection.send(Buffer.concat(new Array<Buffer>(count).fill(bytes))),
    refused: () => Number.NaN,
    get isClosed() {
      return connection.isClosed;
    },
    close: kept({ close: () => void connection.socket.destroy() }).close,
  };
}

const webType = "application/grpc-web+proto";
const speakers: readonly (readonly [name: string, speak: Speak])[] = [
  ["gRPC", () => grpcAsker()],
  ["a stream of gRPC", grpcStreamAsker],
  ["gRPC-Web over HTTP/2", () => grpcAsker({ "content-type": webType })],
  [
    "gRPC-Web over HTTP/1.1",
    () => {
      const body = postBytes(`${service}/ModelInfer`, prefixed(message), { type: webType });
      return http1Asker(Number(house.grpc.split(":")[1]), body);
    },
  ],
  ["REST over HTTP/2", restHttp2Asker],
  ["REST over HTTP/1.1", () => http1Asker(house.port, postBytes(inferPath, binary))],
];

/** Somebody else's requests, small and of 2 MiB, are answered. */
async function othersAreServed(): Promise<void> {
  const row = { inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] }] };
  expect((await post(`${house.url}/v2/models/row/infer`, row)).status).toBe(200);
  const headers = { "content-type": "application/json" };
  const reply = await fetch(house.url + inferPath, { method: "POST", headers, body: binary });
  expect(reply.status).toBe(200);
  expect((await reply.arrayBuffer()).byteLength).toBeGreaterThan(replyBytes);
  const caller = kept(new FrameCaller(house.grpc, [setting.window, 2 ** 31 - 1]));
  caller.say(windowUpdate(0, 2 ** 30));
  const id = caller.call({ path: `${service}/ModelInfer`, message });
  await caller.until(() => (caller.isEnded(id) ? true : undefined));
  expect(caller.bodyOf(id).length).toBeGreaterThan(replyBytes);
  caller.close();
}

/** Nothing waits and nothing is open any more. */
async function allIsBack(): Promise<void> {
  for (const each of open.splice(0)) each.close();
  for (const name of ["millrace_unread_bytes", "millrace_streams", "millrace_grpc_streams"]) {
    await until(
      async () => (await metric(name)) === 0,
      10_000,
      () => `${name} is not 0`,
    );
  }
  await house.endsWell();
}

/** Resident memory once what is held by nobody is collected, byte. */
async function collectedBytes(): Promise<number> {
  process.kill(house.pid, "SIGUSR2");
  await new Promise((done) => setTimeout(done, 300));
  return residentBytes(house.pid);
}

/** Waits until what is counted has stayed the same for a while; gives it. */
async function settled(read: () => Promise<number>): Promise<number> {
  let last = -1;
  let same = 0;
  while (same < 4) {
    const now = await read();
    same = now === last ? same + 1 : 0;
    last = now;
    await new Promise((done) => setTimeout(done, 50));
  }
  return last;
}

describe.each(speakers)("over %s", (name, speak) => {
  test("one connection holds its limit, and is told so for what is over it", async () => {
    const before = await hits("connectionUnreadBytesMax");
    const asker = speak();
    asker.ask(40);
    await until(async () => (await hits("connectionUnreadBytesMax")) > before, 15_000);
    const held = await settled(unreadBytes);
    expect(held).toBeLessThanOrEqual(connectionUnreadBytesMax);
    expect(held).toBeGreaterThan(connectionUnreadBytesMax - replyBytes - someBytes);
    expect(asker.isClosed).toBe(false);
    const refused = (await hits("connectionUnreadBytesMax")) - before;
    // What the system takes of a connection of HTTP/1.1 waits nowhere here.
    expect(refused).toBeGreaterThan(name.includes("1.1") ? 10 : 30);
    if (!Number.isNaN(asker.refused())) expect(asker.refused()).toBe(refused);
    await othersAreServed();
    await allIsBack();
  });

  const isRun = isFull || name === "gRPC" || name === "REST over HTTP/1.1";
  test.runIf(isRun)("all connections hold the limit of all; who waits longest ends", async () => {
    const before = await hits("unreadBytesMax");
    const startBytes = await collectedBytes();
    const askers: Asker[] = [];
    for (let index = 0; index < connections; index += 1) {
      const asker = speak();
      askers.push(asker);
      // Below what one connection may hold, and HTTP/1.1 beside that which the system takes.
      asker.ask(name.includes("1.1") ? 6 : 3);
      await settled(async () => (await metric("millrace_unread_bytes")) + askers.length);
    }
    const held = await unreadBytes();
    expect(held).toBeLessThanOrEqual(unreadBytesMax);
    expect(held).toBeGreaterThan(unreadBytesMax / 2);
    const ended = (await hits("unreadBytesMax")) - before;
    expect(ended).toBeGreaterThan(3);
    const grownBytes = (await collectedBytes()) - startBytes;
    // A reply may keep twice its bytes; without a limit it would be 144 MiB here, or 288.
    expect(grownBytes).toBeLessThan(2 * unreadBytesMax + 48 * mi);
    await othersAreServed();
    if (!name.includes("1.1")) {
      // A paused socket does not hear that it has ended.
      expect(askers.map((each) => each.isClosed)).toEqual(askers.map((_, at) => at < ended));
    }
    await allIsBack();
  });
});

test("a connection of gRPC that ends for all is told to be calm", async () => {
  const askers = Array.from({ length: 12 }, () => {
    return kept(new FrameCaller(house.grpc, [setting.window, 0]));
  });
  for (const each of askers) {
    for (let index = 0; index < 3; index += 1) {
      each.call({ path: `${service}/ModelInfer`, message });
    }
    await settled(unreadBytes);
  }
  const [first] = askers;
  expect([first?.isClosed, first?.farewell]).toEqual([true, calm]);
  expect(askers.at(-1)?.isClosed).toBe(false);
  await allIsBack();
});

test("a reply that is larger than a connection's limit gets through alone", async () => {
  const small = await openHouse({
    files: { "wide/1/model.onnx": widen(wide) },
    limits: { connectionUnreadBytesMax: 1_024, unreadBytesMax: 1_024 },
    growthBytesMax: 96 * mi,
  });
  const caller = kept(new FrameCaller(small.grpc, [setting.window, 0]));
  const id = caller.call({ path: `${service}/ModelInfer`, message });
  await new Promise((done) => setTimeout(done, 300));
  caller.say(windowUpdate(id, 2 ** 30), windowUpdate(0, 2 ** 30));
  await caller.until(() => (caller.isEnded(id) ? true : undefined));
  const last = caller.frames.at(-1);
  expect([last?.type, (last?.flags ?? 0) & flag.endStream]).toEqual([type.headers, flag.endStream]);
  expect(caller.bodyOf(id).length).toBeGreaterThan(replyBytes);
  const headers = { "content-type": "application/json" };
  const reply = await fetch(small.url + inferPath, { method: "POST", headers, body: binary });
  expect((await reply.arrayBuffer()).byteLength).toBeGreaterThan(replyBytes);
  caller.close();
  await small.endsWell();
  await small.close();
});
