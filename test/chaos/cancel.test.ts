// Goal: no work is done for a caller who left (R12) or whose time is over (R13).
// Method: one instance that runs one item at a time, kept busy by a slow request, so that what
// waits behind it can be watched; the engine's runs are counted in /metrics.
import { expect, test } from "vitest";
import { slowRows } from "../../tools/onnx/loads.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import {
  codeOf,
  column,
  infer,
  metric,
  pause,
  runsOf,
  setting,
  startServer,
  writeModels,
} from "./chaos-rig.ts";

/** Steps of about 1 us. */
const slow = 1_500_000;
const middling = 300_000;
const leavers = 20;

async function start(): Promise<BuiltServer> {
  const folder = writeModels({ "slow.onnx": slowRows() });
  const limits = setting({ "limits.drainDelayMs": 0, "limits.deadlineMsMax": 90_000 });
  return await startServer([`${folder}/slow.onnx`, "--batch-items-max", "1", ...limits]);
}

/** Occupies the only instance; gives the promise of the reply. */
async function occupy(server: BuiltServer): Promise<{ readonly reply: Promise<number> }> {
  const runs = await runsOf(server, "slow");
  const reply = infer(server, "slow", { inputs: [column([slow])] }).then(({ status }) => status);
  await until(async () => (await metric(server, "millrace_in_flight_requests")) === 1, 30_000);
  // Nothing is sent ahead behind a run that takes longer than 20 ms.
  await pause(50);
  expect(await metric(server, "millrace_queue_items")).toBe(0);
  expect(await runsOf(server, "slow")).toBe(runs);
  return { reply };
}

test("callers who leave while they wait free their places and never reach the engine", async () => {
  const server = await start();
  const runs = await runsOf(server, "slow");
  const busy = await occupy(server);
  const leaving = new AbortController();
  const body = JSON.stringify({ inputs: [column([1])] });
  const left = Array.from({ length: leavers }, async () => {
    const request = fetch(`${server.url}/v2/models/slow/infer`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: leaving.signal,
    });
    return await request.then(
      () => "answered",
      () => "left",
    );
  });
  await until(async () => (await metric(server, "millrace_queue_items")) === leavers, 30_000);
  leaving.abort();
  await until(async () => (await metric(server, "millrace_queue_items")) === 0, 30_000);
  expect(await metric(server, "millrace_queue_bytes")).toBe(0);
  // The slow run is still under way: the places came back at once and not with its end.
  expect(await metric(server, "millrace_in_flight_requests")).toBe(1);
  expect(await Promise.all(left)).toEqual(new Array(leavers).fill("left"));
  expect(await metric(server, "millrace_early_ends_total", { end: "cancelled" })).toBe(leavers);
  const cancelled = { code: "CANCELLED" };
  expect(await metric(server, "millrace_requests_total", cancelled)).toBe(leavers);
  expect(await busy.reply).toBe(200);
  expect((await infer(server, "slow", { inputs: [column([1])] })).status).toBe(200);
  expect(await runsOf(server, "slow")).toBe(runs + 2);
  expect(await metric(server, "millrace_in_flight_requests")).toBe(0);
  expect(await server.stop()).toBe(0);
});

test("a caller who leaves while it runs frees the instance at the end of the run", async () => {
  const server = await start();
  const leaving = new AbortController();
  const running = fetch(`${server.url}/v2/models/slow/infer`, {
    method: "POST",
    body: JSON.stringify({ inputs: [column([middling])] }),
    headers: { "content-type": "application/json" },
    signal: leaving.signal,
  }).catch(() => undefined);
  await until(async () => (await metric(server, "millrace_in_flight_requests")) === 1, 30_000);
  leaving.abort();
  await running;
  await until(async () => (await metric(server, "millrace_in_flight_requests")) === 0, 30_000);
  expect((await infer(server, "slow", { inputs: [column([1])] })).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

/** Least of three, so that a machine that pauses once proves nothing. */
async function latenessMs(server: BuiltServer, timeoutMs: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3; turn += 1) {
    const sentAtMs = performance.now();
    const reply = await infer(server, "slow", {
      inputs: [column([middling])],
      headers: { "x-request-timeout-ms": String(timeoutMs) },
    });
    least = Math.min(least, performance.now() - sentAtMs - timeoutMs);
    expect([reply.status, codeOf(reply)]).toEqual([504, "DEADLINE_EXCEEDED"]);
  }
  return least;
}

test.each([0, 1, 50])("a deadline of %d ms is answered 504 in time, idle or busy", async (ms) => {
  const server = await start();
  const runs = await runsOf(server, "slow");
  const idleLateMs = await latenessMs(server, ms);
  // 0 ms is over at once: nothing was run. The others may have begun in time.
  if (ms === 0) expect(await runsOf(server, "slow")).toBe(runs);
  await until(async () => {
    return (await infer(server, "slow", { inputs: [column([1])] })).status === 200;
  }, 30_000);

  const busy = await occupy(server);
  const runsBusy = await runsOf(server, "slow");
  const busyLateMs = await latenessMs(server, ms);
  expect(await busy.reply).toBe(200);
  expect((await infer(server, "slow", { inputs: [column([1])] })).status).toBe(200);
  // The busy one and the last: none of those whose time was over.
  expect(await runsOf(server, "slow")).toBe(runsBusy + 2);
  const late = `idle ${idleLateMs.toFixed(1)}, busy ${busyLateMs.toFixed(1)}`;
  process.stdout.write(`deadline ${ms} ms: late by ms ${late}\n`);
  expect(Math.max(idleLateMs, busyLateMs)).toBeLessThan(250);
  expect(await metric(server, "millrace_queue_items")).toBe(0);
  expect(await server.stop()).toBe(0);
});

test("a deadline that is no number of ms is refused, a huge one is cut", async () => {
  const server = await start();
  const statusOf = async (text: string): Promise<string> => {
    const headers = { "x-request-timeout-ms": text };
    const reply = await infer(server, "slow", { inputs: [column([1])], headers });
    return `${reply.status} ${codeOf(reply)}`.trim();
  };
  for (const text of [
    "-1",
    "-0.5",
    "abc",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "1;2",
    "5 ms",
  ]) {
    expect([text, await statusOf(text)]).toEqual([text, "400 INVALID_REQUEST"]);
  }
  for (const text of ["1e300", "999999999999999999999", "90001", "60000.5"]) {
    expect([text, await statusOf(text)]).toEqual([text, "200"]);
  }
  expect(await metric(server, "millrace_in_flight_requests")).toBe(0);
  expect(await server.stop()).toBe(0);
});
