// Goal: a stop finishes what was accepted, tells balancers first, and ends in time (R16).
// Method: the built server under load, stopped by signals; each answer is looked at by a load
// process, readiness by a poll. Full form: 50 stops.
import { expect, test } from "vitest";
import { loop, slowRows } from "../../tools/onnx/loads.ts";
import { fingerprint } from "../../tools/onnx/models.ts";
import { postBytes, RawConnection } from "../security/raw-http.ts";
import { type BuiltServer, get, type JsonReply, until } from "../support/built-server.ts";
import { wide } from "./chaos-models.ts";
import {
  codeOf,
  column,
  infer,
  isAlive,
  isFull,
  loopInputs,
  metric,
  pause,
  runsOf,
  setting,
  startServer,
  writeModels,
} from "./chaos-rig.ts";
import { startLoad } from "./start-load.ts";

const width = 4;
const wideRows = 1_500;
const wideColumns = 1_024;
const connections = 16;
const stops = isFull ? 50 : 3;
/** Steps of `slowRows` that take longer than the drain delay on any machine (about 1 us each). */
const slowSteps = 1_000_000;
const printRow = { name: "x", datatype: "FP32", shape: [1, width], data: [1, 2, 3, 4] };
const never = 10 ** 13;
const drainDelayMs = 500;
const shutdownMsMax = 60_000;

async function start(limits: Readonly<Record<string, number>>): Promise<BuiltServer> {
  const models = {
    "print.onnx": fingerprint(width),
    "slow.onnx": slowRows(),
    "loop.onnx": loop(),
    "wide.onnx": wide(wideColumns),
  };
  const folder = writeModels(models);
  const paths = Object.keys(models).map((name) => `${folder}/${name}`);
  const named = Object.entries(limits).map(([key, value]) => [`limits.${key}`, value]);
  return await startServer([...paths, ...setting(Object.fromEntries(named))]);
}

/** Sends a request that is inside the engine when this settles; gives the promise of its reply. */
async function ask(
  server: BuiltServer,
  model: "slow" | "loop",
  steps: number,
): Promise<{ readonly reply: Promise<JsonReply> }> {
  const inputs = model === "slow" ? [column([steps])] : loopInputs(steps);
  const reply = infer(server, model, { inputs });
  reply.catch(() => {});
  await until(
    async () => (await metric(server, "millrace_in_flight_requests", { model })) === 1,
    30_000,
  );
  return { reply };
}

/** An address that callers keep using ends with refusals; one that a balancer leaves does not. */
async function stopUnderLoad(isBalanced: boolean): Promise<void> {
  const server = await start({ drainDelayMs, shutdownMsMax });
  const load = startLoad({
    port: server.port,
    model: "print",
    width,
    body: "fingerprint",
    connections,
    ratePerSecond: isBalanced ? 0 : 1_000,
    requestsMin: Number.MAX_SAFE_INTEGER,
    msMin: 0,
    msMax: 60_000,
  });
  try {
    await until(async () => (await runsOf(server, "print")) > 50, 30_000);
    const slow = await ask(server, "slow", slowSteps);
    const stoppedAtMs = Date.now();
    const exit = server.stop("SIGTERM");
    await until(async () => (await get(`${server.url}/health/ready`)).status === 503, 30_000);
    const noticedAtMs = Date.now();
    if (isBalanced) load.stop();
    const still = await infer(server, "print", { inputs: [printRow] }).catch(() => undefined);
    if (Date.now() - stoppedAtMs < drainDelayMs) {
      expect(still?.status).toBe(200);
      expect(still?.headers.get("connection")).toBe("close");
    }
    expect((await slow.reply).status).toBe(200);
    expect(await exit).toBe(0);
    expect(Date.now() - stoppedAtMs).toBeLessThan(shutdownMsMax);
    load.stop();
    const report = await load.report;
    expect(report.swapped).toBe(0);
    expect(report.truncated).toBe(0);
    expect(report.drainingKeptOpen).toBe(0);
    expect(report.withoutRetryAfter).toBe(0);
    if (isBalanced && noticedAtMs - stoppedAtMs < drainDelayMs / 2) {
      expect(report.answered).toBe(report.requests);
    }
    // Only a connection that the server had not yet accepted when it closed its port may break.
    const slowEndMs = stoppedAtMs + drainDelayMs - 50;
    expect(report.brokenAtMs.filter((atMs) => atMs < slowEndMs)).toEqual([]);
    expect(report.brokenAtMs.length).toBeLessThanOrEqual(connections);
    expect(Object.keys(report.errors).filter((name) => name !== "503 DRAINING")).toEqual([]);
  } finally {
    load.kill();
  }
}

test.each(Array.from({ length: stops }, (_, index) => index + 1))(
  "SIGTERM under load answers everything that was accepted and exits 0 (stop %d)",
  async (count) => {
    await stopUnderLoad(count % 3 !== 0);
  },
);

test("while the last requests are finished new ones are refused with DRAINING", async () => {
  const server = await start({ drainDelayMs: 100, shutdownMsMax });
  const slow = await ask(server, "slow", slowSteps);
  const half = new RawConnection(server.port);
  const bytes = postBytes("/v2/models/slow/infer", JSON.stringify({ inputs: [column([1])] }));
  await half.send(bytes.subarray(0, 20));
  await pause(50);
  const exit = server.stop("SIGTERM");
  await until(async () => {
    const { status } = await infer(server, "print", { inputs: [printRow] });
    return status === 503;
  }, 30_000);
  const whole = new RawConnection(server.port);
  await half.send(bytes.subarray(20));
  await whole.send(bytes);
  for (const connection of [half, whole]) {
    const refused = await connection.reply();
    expect(refused?.status).toBe(503);
    expect(refused?.headers.get("x-error-code")).toBe("DRAINING");
    expect(refused?.headers.get("connection")).toBe("close");
    expect(refused?.headers.has("retry-after")).toBe(true);
    expect(await connection.endsWithin(20_000)).toBe(true);
  }
  expect((await slow.reply).status).toBe(200);
  expect(await exit).toBe(0);
});

test("an answer that a slow reader has not taken yet is not cut off by the stop", async () => {
  const server = await start({ drainDelayMs: 0, shutdownMsMax });
  const reader = new RawConnection(server.port);
  // 20 MB of JSON, more than the buffers of both sockets hold.
  const body = JSON.stringify({ inputs: [column(new Array(wideRows).fill(0.1))] });
  await reader.send(postBytes("/v2/models/wide/infer", body));
  reader.socket.pause();
  const labels = { model: "wide" };
  await until(async () => (await metric(server, "millrace_items_total", labels)) > 0, 30_000);
  const exit = server.stop("SIGTERM");
  await pause(500);
  reader.socket.resume();
  const reply = await reader.reply();
  expect(reply?.status).toBe(200);
  const { outputs } = JSON.parse(String(reply?.body)) as { outputs: { data: number[] }[] };
  expect(outputs[0]?.data.length).toBe(wideRows * wideColumns);
  expect(await exit).toBe(0);
});

test("a connection that has asked nothing does not hold up the stop", async () => {
  const server = await start({ drainDelayMs: 0, shutdownMsMax });
  const silent = new RawConnection(server.port);
  await until(async () => (await metric(server, "millrace_connections")) >= 2, 30_000);
  const exit = server.stop("SIGTERM");
  const stoppedAtMs = Date.now();
  expect(await exit).toBe(0);
  // Readers of last answers are waited for 5 s; this one has none to read.
  expect(Date.now() - stoppedAtMs).toBeLessThan(4_500);
  expect(await silent.endsWithin(10_000)).toBe(true);
});

test("at shutdownMsMax the rest is answered DRAINING and the exit code is 1", async () => {
  const server = await start({ drainDelayMs: 100, shutdownMsMax: 1_000 });
  const { reply } = await ask(server, "loop", never);
  const workers = await server.workers();
  const stoppedAtMs = Date.now();
  const exit = server.stop("SIGTERM");
  const refused = await reply;
  expect(refused.status).toBe(503);
  expect(codeOf(refused)).toBe("DRAINING");
  expect(await exit).toBe(1);
  // Workers have 2 s to end; the batch itself might take 30.
  expect(Date.now() - stoppedAtMs).toBeLessThan(15_000);
  await until(() => Promise.resolve(!workers.some(isAlive)), 10_000);
});

test("a second SIGINT stops now and leaves no worker behind", async () => {
  const server = await start({ drainDelayMs: 60_000, shutdownMsMax: 120_000 });
  const { reply } = await ask(server, "loop", never);
  const workers = await server.workers();
  expect(workers.length).toBeGreaterThan(0);
  const stoppedAtMs = Date.now();
  server.process.kill("SIGINT");
  await until(async () => (await get(`${server.url}/health/ready`)).status === 503, 30_000);
  expect(await server.stop("SIGINT")).not.toBe(null);
  expect(Date.now() - stoppedAtMs).toBeLessThan(15_000);
  await reply.catch(() => {});
  await until(() => Promise.resolve(!workers.some(isAlive)), 10_000);
});
