// Goal: what is too much is refused at once, and a reader who does not read costs no memory and
// nobody else's answer.
// Method: a queue of four places; a stream of 100 MB that nobody reads.
import { expect, test } from "vitest";
import { slowRows } from "../../tools/onnx/loads.ts";
import { postBytes, RawConnection } from "../security/raw-http.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import { residentBytes } from "../support/process-figures.ts";
import { wide } from "./chaos-models.ts";
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
const slow = 1_000_000;
const columns = 1_024;
const streamRows = 10_000;
const mi = 1024 * 1024;

test("a full queue refuses at once, and what was accepted is answered", async () => {
  const folder = writeModels({ "slow.onnx": slowRows() });
  const limits = setting({ "limits.queueItemsMax": 4, "limits.drainDelayMs": 0 });
  const server = await startServer([`${folder}/slow.onnx`, "--batch-items-max", "1", ...limits]);
  const order: string[] = [];
  const ask = async (steps: number) => {
    const reply = await infer(server, "slow", { inputs: [column([steps])] });
    order.push(codeOf(reply) === "" ? String(reply.status) : codeOf(reply));
    return reply;
  };
  const busy = ask(slow);
  await until(async () => (await metric(server, "millrace_in_flight_requests")) === 1, 30_000);
  // Nothing is sent ahead behind a run that takes longer than 20 ms.
  await pause(50);
  expect(await metric(server, "millrace_queue_items")).toBe(0);
  const replies = await Promise.all(Array.from({ length: 20 }, () => ask(1)));
  expect((await busy).status).toBe(200);
  const refused = replies.filter(({ status }) => status === 503);
  const accepted = replies.filter(({ status }) => status === 200);
  expect(accepted.length + refused.length).toBe(20);
  expect(accepted.length).toBe(4);
  for (const reply of refused) {
    expect(codeOf(reply)).toBe("QUEUE_FULL");
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(reply.text).toContain("queueItemsMax 4");
  }
  expect(order.slice(0, refused.length)).toEqual(refused.map(() => "QUEUE_FULL"));
  const hits = { name: "queueItemsMax" };
  expect(await metric(server, "millrace_limit_hits_total", hits)).toBe(refused.length);
  expect(await metric(server, "millrace_queue_items")).toBe(0);
  expect((await infer(server, "slow", { inputs: [column([1])] })).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

/** Opens a stream of 100 MB on a socket that reads nothing. */
async function openStalled(server: BuiltServer): Promise<RawConnection> {
  const instances = Array.from({ length: streamRows }, (_, index) => [index + 0.123]);
  const reader = new RawConnection(server.port);
  await new Promise<void>((done) => reader.socket.once("connect", () => done()));
  reader.socket.pause();
  const body = JSON.stringify({ model_name: "wide", instances });
  await reader.send(postBytes("/predict/stream", body));
  return reader;
}

/** Waits until the engine has had no new batch for half a second. */
async function whenPaused(server: BuiltServer): Promise<number> {
  let seen = -1;
  for (let turn = 0; turn < 120; turn += 1) {
    const items = await metric(server, "millrace_batch_items_sum", { model: "wide" });
    if (items === seen && items > 0) return items;
    seen = items;
    await pause(500);
  }
  throw new Error("the producer did not pause");
}

test.skipIf(process.platform !== "linux")(
  "a stream that nobody reads pauses its producer; its end gives everything back",
  async () => {
    const folder = writeModels({ "wide.onnx": wide(columns), "slow.onnx": slowRows() });
    const limits = setting({ "limits.drainDelayMs": 0 });
    const paths = [`${folder}/wide.onnx`, `${folder}/slow.onnx`];
    const server = await startServer([...paths, ...limits]);
    for (let turn = 0; turn < 20; turn += 1) {
      const rows = new Array(100).fill(0.123);
      expect((await infer(server, "wide", { inputs: [column(rows)] })).status).toBe(200);
    }
    const before = await metric(server, "millrace_batch_items_sum", { model: "wide" });
    const idleBytes = residentBytes(server.pid);
    const streams = await Promise.all([openStalled(server), openStalled(server)]);
    const paused = (await whenPaused(server)) - before;
    const heldBytes = residentBytes(server.pid) - idleBytes;
    process.stdout.write(
      `stalled: ${paused} of ${2 * streamRows} rows run, ${Math.round(heldBytes / mi)} MiB held\n`,
    );
    expect(paused).toBeLessThan(2 * streamRows);
    expect(heldBytes).toBeLessThan(160 * mi);
    expect(await metric(server, "millrace_streams")).toBe(2);

    // The same model and another one answer meanwhile.
    expect((await infer(server, "wide", { inputs: [column([1])] })).status).toBe(200);
    expect((await infer(server, "slow", { inputs: [column([1])] })).status).toBe(200);

    const runs = await runsOf(server, "wide");
    for (const stream of streams) stream.destroy();
    await until(async () => (await metric(server, "millrace_streams")) === 0, 30_000);
    expect(await metric(server, "millrace_in_flight_requests")).toBe(0);
    expect(await metric(server, "millrace_queue_items")).toBe(0);
    expect(await metric(server, "millrace_requests_total", { code: "CANCELLED" })).toBe(2);
    // Slices that were under way may still have run; the rest of 20,000 rows did not.
    expect((await runsOf(server, "wide")) - runs).toBeLessThanOrEqual(16);
    expect((await infer(server, "wide", { inputs: [column([1])] })).status).toBe(200);
    expect(await server.stop()).toBe(0);
  },
);

test.skipIf(process.platform !== "linux")(
  "a stream whose reader takes a pause is whole in the end",
  async () => {
    const folder = writeModels({ "wide.onnx": wide(columns) });
    const server = await startServer([
      `${folder}/wide.onnx`,
      ...setting({ "limits.drainDelayMs": 0, "limits.streamBufferBytesMax": 65_536 }),
    ]);
    const rows = 3_000;
    const instances = Array.from({ length: rows }, (_, index) => [index]);
    const reader = new RawConnection(server.port);
    await new Promise<void>((done) => reader.socket.once("connect", () => done()));
    reader.socket.pause();
    const bytes = postBytes("/predict/stream", JSON.stringify({ instances }));
    // Lets the server end the connection, so that the end of the body is easy to see.
    await reader.send(bytes);
    await pause(500);
    reader.socket.resume();
    const reply = await reader.reply();
    expect(reply?.status).toBe(200);
    const lines = String(reply?.body).trimEnd().split("\n");
    const seen = new Set<number>();
    for (const line of lines) {
      const { index, prediction } = JSON.parse(line) as { index: number; prediction: number[] };
      expect(prediction[columns - 1]).toBe(index);
      seen.add(index);
    }
    expect(seen.size).toBe(rows);
    expect(lines.length).toBe(rows);
    reader.destroy();
    expect(await server.stop()).toBe(0);
  },
);
