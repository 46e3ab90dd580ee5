// Goal: a deadline means the same through every door (R13): one that has passed, or passes in the
// queue, costs no run; one that passes in a run has its result thrown away; what is no time is
// refused; and nothing of any of them stays behind. Method: one instance that runs one item at a
// time, deadlines of every kind through sockets, the engine's runs and the gauges from /metrics.
import { expect, test } from "vitest";
import { slowRows } from "../../tools/onnx/loads.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import {
  column,
  infer,
  metric,
  pause,
  runsOf,
  setting,
  startServer,
  writeModels,
} from "./chaos-rig.ts";
import { type DeadlineDoor, deadlineDoors, grpcTimeout } from "./deadline-doors.ts";

/** Steps of about 1 us. */
const slow = 1_200_000;
const middling = 300_000;
const doors = Object.entries(deadlineDoors);
/** Their items fail alone, and the request that held them is answered. */
const hasItems = ["OIP events", "simple, batch", "lines", "lines, HTTP/2"];

async function start(): Promise<BuiltServer> {
  const folder = writeModels({ "slow.onnx": slowRows() });
  const limits = setting({ "limits.drainDelayMs": 0, "limits.deadlineMsMax": 90_000 });
  return await startServer([`${folder}/slow.onnx`, "--batch-items-max", "1", ...limits]);
}

/** Everything that is counted up and down is at zero again. */
async function expectNothingLeft(server: BuiltServer): Promise<void> {
  const gauges = ["in_flight_requests", "queue_items", "queue_bytes", "grpc_streams"];
  for (const name of gauges) {
    await until(
      async () => (await metric(server, `millrace_${name}`)) === 0,
      10_000,
      () => name,
    );
  }
}

async function expectLate({ ask, lateStatus }: DeadlineDoor, of: [BuiltServer, string, number]) {
  expect(await ask(...of)).toEqual({ status: lateStatus, code: "DEADLINE_EXCEEDED" });
}

test("a deadline that has passed when it comes costs no run, in any door", async () => {
  const server = await start();
  const runs = await runsOf(server, "slow");
  for (const [name, door] of doors) {
    for (const timeout of ["0", "0.0", "-0", "1e-9"]) {
      const end = await door.ask(server, timeout, middling);
      const wanted = { status: door.lateStatus, code: "DEADLINE_EXCEEDED" };
      expect([name, timeout, end]).toEqual([name, timeout, wanted]);
    }
  }
  expect(await runsOf(server, "slow")).toBe(runs);
  await expectNothingLeft(server);
  expect(await server.stop()).toBe(0);
});

test("a huge deadline is cut and kept, one that is no time is refused, in any door", async () => {
  const server = await start();
  for (const [name, { ask }] of doors) {
    for (const timeout of ["1e300", "999999999999999999999", "60000.5"]) {
      expect([name, timeout, (await ask(server, timeout, 1)).code]).toEqual([name, timeout, "OK"]);
    }
    for (const timeout of ["-1", "-0.5", "abc", "NaN", "Infinity", "1e999", "1;2", "5 ms"]) {
      const { code } = await ask(server, timeout, 1);
      expect([name, timeout, code]).toEqual([name, timeout, "INVALID_REQUEST"]);
    }
  }
  await expectNothingLeft(server);
  expect(await server.stop()).toBe(0);
});

test("a deadline that passes in the queue costs no run, in any door", async () => {
  const server = await start();
  for (const [name, door] of doors) {
    const busy = infer(server, "slow", { inputs: [column([slow])] });
    await until(async () => (await metric(server, "millrace_in_flight_requests")) === 1, 10_000);
    // Nothing is sent ahead behind a run that takes longer than 20 ms.
    await pause(40);
    const runs = await runsOf(server, "slow");
    await expectLate(door, [server, "1", middling]);
    await expectLate(door, [server, "60", middling]);
    expect([name, (await busy).status]).toEqual([name, 200]);
    // The busy one alone has run.
    expect([name, (await runsOf(server, "slow")) - runs]).toEqual([name, 1]);
    await expectNothingLeft(server);
  }
  expect(await server.stop()).toBe(0);
}, 240_000);

test("a deadline that passes in a run is answered then, its result is dropped", async () => {
  const server = await start();
  const late = { code: "DEADLINE_EXCEEDED" };
  const booked: string[] = [];
  for (const [name, door] of doors) {
    const before = await metric(server, "millrace_requests_total", late);
    await expectLate(door, [server, "80", middling]);
    if ((await metric(server, "millrace_requests_total", late)) > before) booked.push(name);
    await until(async () => (await metric(server, "millrace_in_flight_requests")) === 0, 10_000);
    // Whoever comes next has its own answer.
    expect((await door.ask(server, "30000", 1)).code).toBe("OK");
    await expectNothingLeft(server);
  }
  expect(booked).toEqual(doors.map(([name]) => name).filter((name) => !hasItems.includes(name)));
  expect(await server.stop()).toBe(0);
}, 240_000);

test("grpc-timeout as it stands on the wire", async () => {
  const server = await start();
  const statuses: [string, number][] = [
    ...["0n", "0H", "00000000m", "1n"].map((each): [string, number] => [each, 4]),
    ...["99999999H", "10S", "1M"].map((each): [string, number] => [each, 0]),
    ...["-1m", "1", "m", "1x", "123456789m", "1.5S", "1 m", ""].map((each): [string, number] => [
      each,
      3,
    ]),
  ];
  for (const [timeout, status] of statuses) {
    expect([timeout, await grpcTimeout(server, timeout)]).toEqual([timeout, status]);
  }
  await expectNothingLeft(server);
  expect(await server.stop()).toBe(0);
});
