// Goal: a limit that refuses something is counted by its name, once. Method: a door over a model
// in memory with small limits; what ends outside a request is asked of the error that names it.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  inputSpec,
  type MemoryModel,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../test/support/rest-rig.ts";
import { type LimitName, type Limits, limitTable, ServingError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";

const limits = {
  jsonBodyBytesMax: 3_000,
  binaryBodyBytesMax: 4_000,
  jsonDepthMax: 5,
  headerBytesMax: 2_000,
  urlBytesMax: 200,
  connectionsMax: 3,
  streamsMax: 0,
  rankMax: 3,
  elementsMax: 20,
  inputsMax: 2,
  outputsMax: 1,
  requestItemsMax: 10,
  stringElementBytesMax: 100,
} as const;

/** What the model does next; it echoes when there is no error. */
let failure: ServingError | undefined;

function answer({ inputs }: { inputs: readonly (Tensor | undefined)[] }): readonly Tensor[] {
  if (failure !== undefined) throw failure;
  return [inputs[0] as Tensor];
}

const numbers: MemoryModel = {
  name: "numbers",
  inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, -1] })],
  outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, -1] })],
  run: answer,
};
const texts: MemoryModel = {
  name: "texts",
  inputs: [inputSpec({ name: "x", dtype: "BYTES", shape: [-1, 1] })],
  outputs: [outputSpec({ name: "y", dtype: "BYTES", shape: [-1, 1] })],
  run: answer,
};

let rig: RestRig;
beforeEach(async () => {
  failure = undefined;
  rig = await openRestRig([numbers, texts], limits);
});
afterEach(() => rig.close());

/** The limits that were hit since the rig was opened, with how often. */
function hits(): Record<string, number> {
  const { limitHits } = rig.service.metrics;
  const names = (Object.keys(limitTable) as LimitName[]).filter((name) => limitHits.count(name));
  return Object.fromEntries(names.map((name) => [name, limitHits.count(name)]));
}

type Body = string | Uint8Array<ArrayBuffer>;

async function send(path: string, body: Body, more: Record<string, string> = {}): Promise<string> {
  const headers = { "content-type": "application/json", connection: "close", ...more };
  const reply = await fetch(`${rig.url}${path}`, { method: "POST", headers, body });
  return await reply.text();
}

function infer(shape: readonly number[], more: object = {}): Promise<string> {
  const count = shape.reduce((product, size) => product * size, 1);
  const inputs = [{ name: "x", datatype: "FP32", shape, data: new Array<number>(count).fill(1) }];
  return send("/v2/models/numbers/infer", JSON.stringify({ inputs, ...more }));
}

function open(text: string): Socket {
  const socket = connect(rig.door.port, "127.0.0.1", () => socket.write(text));
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

async function raw(text: string): Promise<void> {
  await once(open(text), "close");
}

const head = "POST /v2/models/numbers/infer HTTP/1.1\r\nhost: a\r\n";
const rows = (count: number): number[][] => Array.from({ length: count }, () => [1]);

const one = { name: "x", datatype: "FP32", shape: [1, 1], data: [1] };

const provoked: Partial<Record<LimitName, () => Promise<unknown>>> = {
  jsonBodyBytesMax: () => send("/predict?model=numbers", " ".repeat(3_001)),
  binaryBodyBytesMax: () =>
    send("/v2/models/numbers/infer", new Uint8Array(4_001), {
      "inference-header-content-length": "10",
    }),
  inflateRatioMax: () =>
    send("/v2/models/numbers/infer", gzipSync(new Uint8Array(200_000)), {
      "content-encoding": "gzip",
    }),
  jsonDepthMax: () => send("/v2/models/numbers/infer", '{"a":[[[[[[1]]]]]]}'),
  headerBytesMax: () => raw(`${head}x: ${"y".repeat(5_000)}\r\n\r\n`),
  urlBytesMax: () => send(`/predict?model=${"n".repeat(300)}`, "{}"),
  headersReadMsMax: () => raw(head),
  bodyReadMsMax: () => raw(`${head}content-length: 10\r\n\r\n{`),
  connectionsMax: async () => {
    const held = Array.from({ length: limits.connectionsMax }, () => open(""));
    await Promise.all(held.map((socket) => once(socket, "connect")));
    await raw("");
    for (const socket of held) socket.destroy();
  },
  streamsMax: () => send("/predict/stream?model=numbers", '{"instances":[[1]]}'),
  rankMax: () => infer([1, 1, 1, 1]),
  elementsMax: () => infer([1, 21]),
  inputsMax: () => send("/v2/models/numbers/infer", JSON.stringify({ inputs: [one, one, one] })),
  outputsMax: () => infer([1, 1], { outputs: [{ name: "y" }, { name: "z" }] }),
  requestItemsMax: () => send("/predict?model=numbers", JSON.stringify({ instances: rows(11) })),
  stringElementBytesMax: () =>
    send("/predict?model=texts", JSON.stringify({ instances: [["t".repeat(101)]] })),
  deadlineMsDefault: () => {
    failure = new ServingError("DEADLINE_EXCEEDED", "late");
    return infer([1, 1]);
  },
  batchWallMsMax: () => {
    failure = new ServingError("ENGINE_TIMEOUT", "hung", { limit: "batchWallMsMax" });
    return infer([1, 1]);
  },
};

/** Limits that would be hit by the other tests too: short times on a busy machine, and a ratio. */
const alone: Readonly<Record<string, Partial<Limits>>> = {
  inflateRatioMax: { inflateRatioMax: 2 },
  headersReadMsMax: { headersReadMsMax: 60 },
  bodyReadMsMax: { bodyReadMsMax: 60 },
};

test.each(Object.entries(provoked))("%s is counted when it is hit", async (name, provoke) => {
  const own = alone[name];
  if (own !== undefined) {
    await rig.close();
    rig = await openRestRig([numbers], own);
  }
  await provoke();
  await expect.poll(hits).toEqual({ [name]: 1 });
});

test("every limit with a code is counted here, or where it is told", () => {
  const elsewhere = {
    bodyBytesPerSecondMin: "src/doors/rest/http/connection/broken-connection.test.ts",
    queueItemsMax: "src/predict/batching/batcher-ends.test.ts",
    queueBytesMax: "src/predict/batching/batcher-ends.test.ts",
    workerDeathsPerInputMax: "test/chaos/poison.test.ts",
    workerMemoryBytesMax: "src/engine/host/death.test.ts",
    workerBackoffMsMax: "src/engine/host/slot-instance.ts, booked like batchWallMsMax",
    modelLoadMsMax: "src/engine/host/death.test.ts",
    modelFileBytesMax: "src/service/load-models.ts",
    modelNodesMax: "src/service/load-models.ts",
    wsFrameBytesMax: "src/doors/rest/websocket/sockets.test.ts",
    modelOperationsMax: "test/e2e/model-control.test.ts",
    shutdownMsMax: "src/app/commands/serve.ts",
    connectionUnreadBytesMax: "test/security/unread-bytes.test.ts",
    grpcMessageBytesMax: "test/security/grpc-hostile.test.ts",
  };
  const all = Object.entries(limitTable).filter(([, row]) => row.code !== undefined);
  const told = [...Object.keys(provoked), ...Object.keys(elsewhere)];
  expect(all.map(([name]) => name).filter((name) => !told.includes(name))).toEqual([]);
});

test("a deadline of the caller's own is no limit of ours", async () => {
  failure = new ServingError("DEADLINE_EXCEEDED", "late");
  const body = JSON.stringify({ inputs: [one] });
  await send("/v2/models/numbers/infer", body, { "x-request-timeout-ms": "1000" });
  expect(hits()).toEqual({});
});
