// Goal: who does not take a reply on the gRPC port loses it after its time, with its slot and its
// memory, whatever carries it and however alive its connection is; who takes little by little, or
// has nothing to take, keeps it. Method: callers of frames by hand, who answer pings and open
// windows as the case has it, against the built server with short times.
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { inferRequest, prefixed } from "../../tools/grpc-requests.ts";
import { identity, widen } from "../../tools/onnx/models.ts";
import { until } from "../support/built-server.ts";
import { FrameCaller } from "../support/frame-caller.ts";
import { setting, windowUpdate } from "../support/http2-frames.ts";
import { type House, metricOf, openHouse } from "./hostile-house.ts";
import { postBytes } from "./raw-http.ts";

const mi = 1024 * 1024;
const replyReadMsMax = 1_000;
/** A cut is due after the limit; a busy machine may be late. */
const cutMsMax = 8_000;
const cancel = 8;
const service = "/inference.GRPCInferenceService";
/** Values of a reply that is larger than what the system keeps for a reader who reads nothing. */
const wide = 8_000_000;
let house: House;

beforeAll(async () => {
  house = await openHouse({
    files: {
      "flat/1/model.onnx": identity("FP32", ["batch", "width"]),
      "wide/1/model.onnx": widen(wide),
    },
    limits: { replyReadMsMax },
    args: ["--set", "grpc.keepAliveMs=1000"],
    growthBytesMax: 96 * mi,
  });
});
const callers: FrameCaller[] = [];
afterEach(() => {
  for (const each of callers.splice(0)) each.close();
});
afterAll(async () => {
  await house?.close();
});

function openCaller(target: string, ...pairs: [id: number, value: number][]): FrameCaller {
  const caller = new FrameCaller(target, ...pairs);
  callers.push(caller);
  return caller;
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** A request on `flat` for `width` values, and as many come back. */
function inferMessage(width: number): Buffer {
  return inferRequest({ model: "flat", shape: [1, width], raw: Buffer.alloc(4 * width) });
}

/** A request for `wide` values. */
const wideMessage = inferRequest({ model: "wide", shape: [1, 1], raw: Buffer.alloc(4) });

const metric = (name: string): Promise<number> => metricOf(house, name);

const hits = (): Promise<number> => metric('millrace_limit_hits_total{name="replyReadMsMax"}');

/** Nothing is open any more, on no connection's account. */
async function slotsAreBack(): Promise<void> {
  for (const name of ["millrace_streams", "millrace_grpc_streams"]) {
    await until(
      async () => (await metric(name)) === 0,
      5_000,
      () => `${name} is not 0`,
    );
  }
}

const stream = { path: `${service}/ModelStreamInfer`, isLast: false };
const unary = { path: `${service}/ModelInfer` };
const webType = "application/grpc-web+proto";
const web = { fields: { "content-type": webType } };

test.each([
  ["a stream that goes on", { ...stream, message: inferMessage(4) }],
  ["a stream whose requests are all in", { ...stream, message: inferMessage(4), isLast: true }],
  ["a call", { ...unary, message: inferMessage(4) }],
  ["a call of gRPC-Web", { ...unary, ...web, message: inferMessage(4) }],
  ["a watch", { path: "/grpc.health.v1.Health/Watch", message: Buffer.alloc(0) }],
  [
    "a watch by gRPC-Web",
    { path: "/grpc.health.v1.Health/Watch", ...web, message: Buffer.alloc(0) },
  ],
])("%s whose window never opens is reset, and its connection lives", async (_, call) => {
  const before = await hits();
  const caller = openCaller(house.grpc, [setting.window, 0]);
  const sinceMs = performance.now();
  const id = caller.call(call);
  const code = await caller.until(() => caller.resetOf(id), cutMsMax);
  expect(code).toBe(cancel);
  expect(performance.now() - sinceMs).toBeGreaterThan(replyReadMsMax);
  expect([caller.isClosed, caller.bodyOf(id).length, await hits()]).toEqual([false, 0, before + 1]);
  await slotsAreBack();
  // The connection serves on.
  const next = caller.call({ ...unary, message: inferMessage(4) });
  caller.say(windowUpdate(next, 65_535));
  await caller.until(() => (caller.isEnded(next) ? true : undefined));
  caller.close();
  await house.endsWell();
});

test("nothing that a caller says gives a stuck stream more time", async () => {
  const caller = openCaller(house.grpc, [setting.window, 0]);
  const id = caller.call({ ...stream, message: inferMessage(4) });
  const other = caller.call({ ...stream, message: inferMessage(4) });
  const endMs = performance.now() + cutMsMax;
  while (caller.resetOf(id) === undefined && performance.now() < endMs) {
    caller.send(id, inferMessage(4));
    caller.say(windowUpdate(other, 1), windowUpdate(0, 1));
    await pause(100);
  }
  expect([caller.resetOf(id), caller.resetOf(other)]).toEqual([cancel, undefined]);
  caller.close();
  await slotsAreBack();
  await house.endsWell();
});

test("who takes a byte now and then, or has nothing to take, keeps its stream", async () => {
  const before = await hits();
  const slow = openCaller(house.grpc, [setting.window, 0]);
  const replies = openCaller(house.grpc);
  const watch = replies.call({ path: "/grpc.health.v1.Health/Watch", message: Buffer.alloc(0) });
  const idle = replies.call({ ...stream, message: inferMessage(4) });
  const ids = [stream, unary, { ...unary, ...web }].map((call) =>
    slow.call({ ...call, message: inferMessage(40) }),
  );
  for (let step = 0; step < 10; step += 1) {
    await pause(replyReadMsMax / 2.5);
    for (const id of ids) slow.say(windowUpdate(id, 1));
  }
  await slow.until(() => (ids.every((id) => slow.bodyOf(id).length === 10) ? true : undefined));
  for (const id of ids) slow.say(windowUpdate(id, 10_000));
  await slow.until(() => (ids.slice(1).every((id) => slow.isEnded(id)) ? true : undefined));
  expect([watch, idle].map((id) => replies.resetOf(id))).toEqual([undefined, undefined]);
  replies.send(idle, inferMessage(4), true);
  await replies.until(() => (replies.isEnded(idle) ? true : undefined));
  expect(await hits()).toBe(before);
  slow.close();
  replies.close();
  await slotsAreBack();
  await house.endsWell();
});

test("streams that wait their turn on a slow connection are not cut one by one", async () => {
  const before = await hits();
  const caller = openCaller(house.grpc, [setting.window, 2 ** 31 - 1]);
  const ids = Array.from({ length: 20 }, () =>
    caller.call({ ...unary, message: inferMessage(50_000) }),
  );
  await caller.until(() => (caller.frames.length > 5 ? true : undefined));
  // A turn of all of them takes several times the limit.
  for (let step = 0; step < 12; step += 1) {
    await pause(replyReadMsMax / 2);
    caller.say(windowUpdate(0, 16_384));
  }
  caller.say(windowUpdate(0, 2 ** 30));
  await caller.until(() => (ids.every((id) => caller.isEnded(id)) ? true : undefined));
  expect(await hits()).toBe(before);
  caller.close();
  await house.endsWell();
});

const wideWindow: [id: number, value: number] = [setting.window, 2 ** 31 - 1];

/** Reads for several times the limit: not all, and as much as the system needs to notice. */
async function readSlowly(socket: Socket): Promise<void> {
  const endMs = performance.now() + 3.5 * replyReadMsMax;
  while (performance.now() < endMs) {
    socket.pause();
    await pause(8);
    socket.resume();
    await pause(1);
  }
}

test("a connection that is not read is cut, one that is read slowly is not", async () => {
  const before = await hits();
  const shut = openCaller(house.grpc, wideWindow);
  const slow = openCaller(house.grpc, wideWindow);
  for (const each of [shut, slow]) {
    each.say(windowUpdate(0, 2 ** 30));
    await each.until(() => (each.frames.length > 0 ? true : undefined));
    each.call({ ...unary, message: wideMessage });
  }
  shut.socket.pause();
  await readSlowly(slow.socket);
  expect(await hits()).toBeGreaterThan(before);
  await slotsAreBackButFor(slow);
  shut.socket.resume();
  await shut.until(() => (shut.isClosed ? true : undefined));
  expect(shut.isEnded(1)).toBe(false);
  slow.close();
  await house.endsWell();
});

/** `slow` gets all that it has asked for, now that it reads. */
async function slotsAreBackButFor(slow: FrameCaller): Promise<void> {
  await slow.until(() => (slow.isEnded(1) ? true : undefined));
  expect(slow.bodyOf(1).length).toBeGreaterThan(4 * wide);
  await slotsAreBack();
}

test("over HTTP/1.1 the same holds for gRPC-Web", async () => {
  const before = await hits();
  const port = Number(house.grpc.split(":")[1]);
  const bytes = postBytes(unary.path, prefixed(wideMessage), { type: webType });
  const open = (): { socket: Socket; readonly bytes: () => number } => {
    const socket = connect({ port, host: "127.0.0.1" });
    let read = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      read += chunk.length;
    });
    socket.write(bytes);
    return { socket, bytes: () => read };
  };
  const [shut, slow] = [open(), open()];
  shut.socket.pause();
  await readSlowly(slow.socket);
  expect(await hits()).toBe(before + 1);
  await until(async () => slow.bytes() > 4 * wide, 10_000);
  const closed = new Promise((done) => shut.socket.once("close", done));
  shut.socket.resume();
  await closed;
  expect(shut.bytes()).toBeLessThan(4 * wide);
  slow.socket.destroy();
  await slotsAreBack();
  await house.endsWell();
});
