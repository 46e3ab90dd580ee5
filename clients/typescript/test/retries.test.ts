// Goal: a killed worker costs a caller time and no answer; deadlines and cancelled calls end.
// Method: the built client against a model that tells its input by its answer, whose worker is
// killed again and again; a model that takes as long as it is told; and a server of the test that
// refuses, breaks off and says when to come back.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { startServer, writeModels } from "../../../test/chaos/chaos-rig.ts";
import { until } from "../../../test/support/built-server.ts";
import { slowRows } from "../../../tools/onnx/loads.ts";
import { fingerprint, fingerprintOf } from "../../../tools/onnx/models.ts";
import { createClient } from "./built-client.ts";

test("each call is answered, and rightly, while the worker is killed three times", async () => {
  const folder = writeModels({ "print.onnx": fingerprint(4) });
  const server = await startServer([`${folder}/print.onnx`]);
  const client = createClient({ url: server.url });
  let kills = 0;
  let answered = 0;
  const caller = async (seed: number): Promise<void> => {
    for (let turn = 0; kills < 3 || turn < 50; turn += 1) {
      const row = [seed, turn % 1000, 7, 1];
      const data = Float32Array.from(row);
      const { outputs } = await client.infer("print", { x: { shape: [1, 4], data } });
      expect(outputs["fingerprint"]?.data[0]).toBe(fingerprintOf(row));
      answered += 1;
    }
  };
  const callers = Promise.all([caller(1), caller(2)]);
  for (; kills < 3; kills += 1) {
    const before = answered;
    const [pid] = await server.workers();
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    // Only once calls are answered again: each kill meets a worker that is up.
    await until(() => Promise.resolve(answered > before + 20), 30_000);
  }
  await callers;
  expect(answered).toBeGreaterThanOrEqual(100);
});

test("a deadline ends a slow call, and so does the caller", async () => {
  const folder = writeModels({ "slow.onnx": slowRows() });
  const server = await startServer([`${folder}/slow.onnx`]);
  const client = createClient({ url: server.url });
  const slow = { x: { shape: [1, 1], data: Float32Array.of(2_000_000) } };
  await expect(client.infer("slow", slow, { timeoutMs: 100 })).rejects.toMatchObject({
    code: "DEADLINE_EXCEEDED",
    isRetryable: false,
  });
  const controller = new AbortController();
  const left = client.infer("slow", slow, { signal: controller.signal });
  controller.abort();
  await expect(left).rejects.toMatchObject({ code: "CANCELLED" });
});

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

let open: Server | undefined;

afterEach(() => {
  open?.closeAllConnections();
  open?.close();
});

interface StandIn {
  readonly url: string;
  readonly seen: readonly IncomingMessage[];
}

/** A server that answers as `answer` says; `count` is the number of the request, from 1. */
async function standIn(answer: Answer): Promise<StandIn> {
  const seen: IncomingMessage[] = [];
  open = createServer((request, response) => {
    seen.push(request);
    request.resume();
    request.on("end", () => answer(request, response, seen.length));
  });
  const listening = open;
  await new Promise<void>((done) => listening.listen(0, "127.0.0.1", done));
  onTestFinished(() => void listening.close());
  const { port } = listening.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen };
}

function answerOne(response: ServerResponse): void {
  response.setHeader("content-type", "application/json");
  response.end('{"prediction":9007199254740993,"model_name":"m","model_version":"1"}');
}

function refuse(response: ServerResponse, code: string, headers: Record<string, string>): void {
  response.writeHead(503, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: "not now", code, request_id: "q" }));
}

test("waits as long as the server asks, and not at all past the deadline", async () => {
  const { url, seen } = await standIn((_, response, count) => {
    if (count === 2) answerOne(response);
    else refuse(response, "QUEUE_FULL", { "retry-after": "1" });
  });
  const client = createClient({ url, retry: { backoffMsMin: 1 } });
  const startedAtMs = performance.now();
  const answer = await client.predict("m", [1]);
  expect(performance.now() - startedAtMs).toBeGreaterThan(990);
  expect(answer.prediction).toBe(9007199254740993n);
  const [first, second] = seen.map((request) => Number(request.headers["x-request-timeout-ms"]));
  expect(second).toBeLessThanOrEqual((first ?? 0) - 990);
  const failed = client.predict("m", [1], { timeoutMs: 500 });
  await expect(failed).rejects.toMatchObject({ code: "QUEUE_FULL", retryAfterMs: 1000 });
  expect(seen).toHaveLength(3);
});

test("a reply that breaks off is tried again", async () => {
  const { url, seen } = await standIn((_, response, count) => {
    if (count === 2) answerOne(response);
    else {
      response.writeHead(200, { "content-length": "1000" });
      response.write("{", () => response.destroy());
    }
  });
  const client = createClient({ url, retry: { backoffMsMin: 1 } });
  expect((await client.predict("m", [1])).model).toBe("m");
  expect(seen).toHaveLength(2);
});

test("what a proxy says is told apart by its status, with its text", async () => {
  const { url, seen } = await standIn((_, response, count) => {
    response.writeHead(count <= 3 ? 502 : 401, { "content-type": "text/html" });
    response.end("<h1>Bad gateway</h1>");
  });
  const client = createClient({ url, retry: { backoffMsMin: 1 } });
  await expect(client.predict("m", [1])).rejects.toMatchObject({
    code: "HTTP_502",
    message: "HTTP 502: <h1>Bad gateway</h1>",
    isRetryable: true,
  });
  expect(seen).toHaveLength(3);
  await expect(client.predict("m", [1])).rejects.toMatchObject({ code: "HTTP_401" });
  expect(seen).toHaveLength(4);
});

test("a stream that stops in the middle is no whole stream", async () => {
  const { url } = await standIn((_, response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(
      '{"index":0,"prediction":1}\n{"index":1,"error":"bad","code":"INVALID_INPUT"}\n',
    );
    response.end();
  });
  const client = createClient({ url });
  const items: unknown[] = [];
  const read = async (): Promise<void> => {
    for await (const item of client.predictStream("m", [[1], [2], [3]])) items.push(item);
  };
  await expect(read()).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  expect(items).toMatchObject([{ index: 0, prediction: 1 }, { error: { code: "INVALID_INPUT" } }]);
});

test("a fatal line ends a stream with the server's code", async () => {
  const { url } = await standIn((_, response) => {
    response.end('{"error":"the server is stopping","code":"DRAINING"}\n');
  });
  const read = async (): Promise<void> => {
    for await (const _ of createClient({ url }).predictStream("m", [[1]]));
  };
  await expect(read()).rejects.toMatchObject({ code: "DRAINING", isRetryable: true });
});

test("a slow reader holds the sender back: what is buffered stays small", async () => {
  const line = `{"index":0,"prediction":"${"x".repeat(10_000)}"}\n`;
  let sent = 0;
  const { url } = await standIn((_, response) => {
    const more = (): void => {
      while (sent < 10_000 && response.write(line)) sent += 1;
      if (sent < 10_000) response.once("drain", more);
      else response.end();
    };
    more();
  });
  const stream = createClient({ url })
    .predictStream("m", [[1]])
    [Symbol.asyncIterator]();
  await stream.next();
  await new Promise((done) => setTimeout(done, 500));
  // 100 MB are to be had; sockets and the runtime hold a few of them.
  expect(sent).toBeLessThan(2_000);
  await stream.return(undefined);
});

test("a reply over replyBytesMax is refused before it is read", async () => {
  const { url } = await standIn((_, response) => void response.end("x".repeat(1_000)));
  const client = createClient({ url, replyBytesMax: 999, retry: { attemptsMax: 1 } });
  await expect(client.predict("m", [1])).rejects.toMatchObject({ code: "INVALID_REPLY" });
  const roomy = createClient({ url, replyBytesMax: 1_000, retry: { attemptsMax: 1 } });
  await expect(roomy.predict("m", [1])).rejects.toThrow("no JSON");
});
