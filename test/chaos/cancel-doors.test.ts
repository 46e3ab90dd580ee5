// Goal: whatever door a caller came through, work that waits for it is dropped when it leaves, and
// never reaches the engine (R12). Method: one instance kept busy by a slow run, callers of each
// door behind it who then leave; the queue and the engine's runs are read from /metrics.
import { constants } from "node:http2";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { slowRows } from "../../tools/onnx/loads.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { openSession, posting } from "../support/http2-client.ts";
import { callWeb } from "../support/web-client.ts";
import { column, infer, metric, runsOf, setting, startServer, writeModels } from "./chaos-rig.ts";

/** Steps of about 1 us. */
const slow = 3_000_000;
const leavers = 8;
const oip = "inference.GRPCInferenceService";
const request = {
  model_name: "slow",
  inputs: [{ name: "x", datatype: "FP32", shape: [1, 1], contents: { fp32_contents: [1] } }],
};

/** Asks for `leavers` predictions or more; gives what makes the callers leave. */
type Ask = (server: BuiltServer) => Promise<() => void>;

async function unaryCalls(server: BuiltServer): Promise<() => void> {
  const client = new GrpcClient(server.grpc);
  const leaving = new AbortController();
  const ends = Array.from({ length: leavers }, () =>
    client.call(`${oip}/ModelInfer`, request, { signal: leaving.signal }),
  );
  return () => {
    leaving.abort();
    void Promise.all(ends).then(() => client.close());
  };
}

async function webCalls(server: BuiltServer): Promise<() => void> {
  const leaving = new AbortController();
  for (let count = 0; count < leavers; count += 1) {
    const terms = { isText: count % 2 === 1, signal: leaving.signal };
    callWeb(server.grpc, `${oip}/ModelInfer`, request, terms).catch(() => undefined);
  }
  return () => leaving.abort();
}

async function streamOfCalls(server: BuiltServer): Promise<() => void> {
  const client = new GrpcClient(server.grpc);
  const stream = client.open(`${oip}/ModelStreamInfer`);
  for (let count = 0; count < leavers; count += 1) stream.write(request);
  stream.once("close", () => client.close());
  return () => {
    stream.cancel();
    client.close();
  };
}

function socketOf(path: string, message: (id: string) => object): Ask {
  return async (server) => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`);
    await new Promise<void>((done, fail) => {
      socket.once("open", () => done());
      socket.once("error", fail);
    });
    for (let id = 0; id < leavers; id += 1) socket.send(JSON.stringify(message(String(id))));
    return () => socket.terminate();
  };
}

function streamAs(accept: string): Ask {
  return async (server) => {
    const leaving = new AbortController();
    const instances = Array.from({ length: leavers }, () => [1]);
    const reply = fetch(`${server.url}/predict/stream`, {
      method: "POST",
      headers: { "content-type": "application/json", accept },
      body: JSON.stringify({ instances }),
      signal: leaving.signal,
    });
    reply.then(
      (response) => response.text().catch(() => ""),
      () => "",
    );
    return () => leaving.abort();
  };
}

async function streamsOfHttp2(server: BuiltServer): Promise<() => void> {
  const session = openSession(server.url);
  const streams = Array.from({ length: leavers }, () => {
    const stream = session.request(posting("/predict?model=slow"));
    stream.on("error", () => {});
    stream.end(JSON.stringify({ features: [1] }));
    return stream;
  });
  return () => {
    for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
    setTimeout(() => session.destroy(), 1_000);
  };
}

const doors: readonly [string, Ask, string][] = [
  ["calls over gRPC", unaryCalls, "grpc"],
  ["calls of a browser (gRPC-Web)", webCalls, "grpc"],
  ["a stream over gRPC", streamOfCalls, "grpc"],
  ["a WebSocket", socketOf("/predict/ws", (id) => ({ id, features: [1] })), "websocket"],
  [
    "a WebSocket of tensors",
    socketOf("/v2/models/slow/ws", (id) => ({ id, inputs: [column([1])] })),
    "websocket",
  ],
  ["streams of HTTP/2", streamsOfHttp2, "rest"],
  ["a stream of events", streamAs("text/event-stream"), "rest"],
  ["a stream of lines", streamAs("application/x-ndjson"), "rest"],
];

test.each(doors)("%s: what waits is dropped, and never runs", async (_, ask, door) => {
  const folder = writeModels({ "slow.onnx": slowRows() });
  const limits = setting({ "limits.drainDelayMs": 0, "limits.deadlineMsMax": 90_000 });
  const server = await startServer([`${folder}/slow.onnx`, "--batch-items-max", "1", ...limits]);
  const runs = await runsOf(server, "slow");
  const busy = infer(server, "slow", { inputs: [column([slow])] });
  await until(async () => (await metric(server, "millrace_in_flight_requests")) === 1, 30_000);
  const leave = await ask(server);
  await until(async () => (await metric(server, "millrace_queue_items")) > 0, 30_000);
  leave();
  await until(async () => (await metric(server, "millrace_queue_items")) === 0, 30_000);
  expect(await metric(server, "millrace_queue_bytes")).toBe(0);
  // The slow run is still under way: nothing that waited left the queue by running.
  expect(await metric(server, "millrace_in_flight_requests")).toBe(1);
  expect(await runsOf(server, "slow")).toBe(runs);
  await until(
    async () => (await metric(server, "millrace_requests_total", { door, code: "CANCELLED" })) > 0,
    30_000,
  );
  expect((await busy).status).toBe(200);
  expect((await infer(server, "slow", { inputs: [column([1])] })).status).toBe(200);
  expect(await runsOf(server, "slow")).toBe(runs + 2);
  expect(await metric(server, "millrace_in_flight_requests")).toBe(0);
  expect(await metric(server, "millrace_grpc_streams")).toBe(0);
  expect(await server.stop()).toBe(0);
});
