// Goal: a stream's lines leave together, slice by slice, and a huge slice in parts; a row whose
// answer JSON cannot say costs its own line only; events come in order and can be gone on with.
// Method: a door over models in memory; each chunk of the reply is one write of the server.
import { request } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { makeTensor } from "../../../tensor/index.ts";

/** Scores of a row; a line of them has about 20 KB. */
const scores = 2_000;
/** What a row of `wide` holds whose last score is NaN. */
const faulty = 13;
let rig: RestRig;
/** Items that `wide` has run. */
let ran = 0;

beforeAll(async () => {
  const wide = outputSpec({ name: "p", dtype: "FP32", shape: [-1, scores] });
  rig = await openRestRig([
    {
      name: "small",
      inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 1] })],
      outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1] }, { role: "prediction" })],
      run: ({ items }) => [makeTensor("FP32", [items], new Float32Array(items))],
    },
    {
      name: "wide",
      inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 1] })],
      outputs: [{ ...wide, role: "probability" }],
      run: ({ items, inputs }) => {
        ran += items;
        const values = new Float32Array(items * scores).map((_, index) => index / 3_333);
        const given = inputs[0]?.elements as Float32Array;
        for (let row = 0; row < items; row += 1) {
          if (given[row] === faulty) values[row * scores + scores - 1] = Number.NaN;
        }
        return [makeTensor("FP32", [items, scores], values)];
      },
    },
  ]);
});
afterAll(() => rig.close());

interface Streamed {
  /** Bytes of each chunk. */
  readonly chunks: readonly number[];
  readonly lines: readonly Record<string, unknown>[];
}

async function stream(path: string, instances: readonly unknown[]): Promise<Streamed> {
  const headers = { "content-type": "application/json", connection: "close" };
  const { promise, resolve, reject } = Promise.withResolvers<Streamed>();
  const asked = request(`${rig.url}/predict/stream${path}`, { method: "POST", headers });
  asked.on("error", reject);
  asked.on("socket", (socket) => {
    let raw = "";
    socket.on("data", (bytes) => {
      raw += String(bytes);
    });
    socket.on("close", () => resolve(parse(raw)));
  });
  asked.on("response", (response) => response.resume());
  asked.end(JSON.stringify({ instances }));
  return await promise;
}

/** Takes a chunked reply apart. */
function parse(raw: string): Streamed {
  let rest = raw.slice(raw.indexOf("\r\n\r\n") + 4);
  const chunks: number[] = [];
  let text = "";
  for (;;) {
    const end = rest.indexOf("\r\n");
    const length = Number.parseInt(rest.slice(0, end), 16);
    if (!(length > 0)) break;
    chunks.push(length);
    text += rest.slice(end + 2, end + 2 + length);
    rest = rest.slice(end + 2 + length + 2);
  }
  const lines = text.split("\n").filter(Boolean);
  return { chunks, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const many = Array.from({ length: 100 }, () => [1]);

test("writes the lines of a slice at once", async () => {
  const { chunks, lines } = await stream("?model=small", many);
  expect(lines.length).toBe(100);
  expect(chunks.length).toBe(4);
});

test("writes the lines of faulty rows together, and tells of its progress", async () => {
  const wrong = Array.from({ length: 30 }, () => ["x"]);
  const { chunks, lines } = await stream("?model=small&progress=1", [...wrong, [1]]);
  expect(lines.length).toBe(32);
  expect(lines.map((line) => line["index"]).slice(0, 31)).toEqual([...Array(31).keys()]);
  expect(lines.at(-1)).toEqual({ progress: { done: 31, failed: 30, total: 31 } });
  expect(chunks.length).toBe(2);
});

test("writes a slice of long lines in parts", async () => {
  const { chunks, lines } = await stream("?model=wide", many.slice(0, 32));
  expect(lines.map((line) => line["index"])).toEqual(many.slice(0, 32).map((_, index) => index));
  expect(Math.max(...chunks)).toBeLessThan(128 * 1024);
});

test("a row whose answer is not JSON costs its own line only", async () => {
  const rows = Array.from({ length: 300 }, (_, index) => [index % 50 === 40 ? faulty : 1]);
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ instances: rows });
  const asked = await fetch(`${rig.url}/predict/stream?model=wide`, {
    method: "POST",
    headers,
    body,
  });
  // Nobody reads until another request is answered.
  expect((await stream("?model=small", many)).lines.length).toBe(100);
  const lines = (await asked.text()).split("\n").filter(Boolean);
  const ends = lines.map((line) => JSON.parse(line) as { index: number; code?: string });
  expect(new Set(ends.map((end) => end.index)).size).toBe(300);
  const failed = ends.filter((end) => end.code !== undefined);
  expect(failed.map((end) => end.index).sort((a, b) => a - b)).toEqual([
    40, 90, 140, 190, 240, 290,
  ]);
  expect(failed[0]).toMatchObject({
    code: "OUTPUT_NOT_REPRESENTABLE",
    error: expect.stringMatching(/^instances\[\d+\]: /),
  });
  expect((await stream("?model=small", many)).lines.length).toBe(100);
});

interface Event {
  readonly id: string | undefined;
  readonly name: string;
  readonly json: Record<string, unknown>;
}

/** Reads events until the body ends or `eventsMax` came; then the caller leaves. */
async function readEvents(reply: Response, eventsMax = Number.POSITIVE_INFINITY): Promise<Event[]> {
  const events: Event[] = [];
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of reply.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").map((line) => line.split(": ", 2) as [string, string]),
      );
      const data = block.split("\ndata: ")[1];
      if (data === undefined) continue;
      const json = JSON.parse(data) as Record<string, unknown>;
      events.push({ id: fields.get("id"), name: fields.get("event") ?? "", json });
      if (events.length === eventsMax) return events;
    }
  }
  return events;
}

const asEvents = { "content-type": "application/json", accept: "text/event-stream" };

function openEvents(path: string, instances: readonly unknown[]): Promise<Response> {
  const body = JSON.stringify({ instances });
  return fetch(`${rig.url}/predict/stream${path}`, { method: "POST", headers: asEvents, body });
}

function goOn(id: string, lastEventId?: string): Promise<Response> {
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  return fetch(`${rig.url}/predict/stream/${id}`, { headers });
}

test("events come in order, each with its row as id, and a last one counts them", async () => {
  const rows = [[1], ["x"], ...many];
  const reply = await openEvents("?model=small&progress=1", rows);
  expect(reply.headers.get("content-type")).toBe("text/event-stream");
  expect(reply.headers.get("x-stream-id")).toMatch(/^[0-9a-f]{32}$/);
  const events = await readEvents(reply);
  expect(events.slice(0, 3)).toEqual([
    { id: "0", name: "prediction", json: { index: 0, prediction: 0 } },
    { id: "1", name: "error", json: expect.objectContaining({ index: 1, code: "INVALID_INPUT" }) },
    { id: "2", name: "prediction", json: { index: 2, prediction: 0 } },
  ]);
  const rowEvents = events.filter(({ id }) => id !== undefined).slice(0, -1);
  expect(rowEvents.map(({ id }) => Number(id))).toEqual(rows.map((_, index) => index));
  expect(events.slice(-2)).toEqual([
    { id: undefined, name: "progress", json: { progress: { done: 102, failed: 1, total: 102 } } },
    { id: "102", name: "done", json: { done: 102, failed: 1, total: 102 } },
  ]);
});

test("a reader who was cut off goes on behind the last event it saw", async () => {
  const rows = Array.from({ length: 300 }, (_, index) => [index === 40 ? faulty : 1]);
  const reply = await openEvents("?model=wide", rows);
  const id = reply.headers.get("x-stream-id") ?? "";
  const first = await readEvents(reply, 100);
  expect(first.map((event) => event.id)).toEqual([...Array(100).keys()].map(String));
  await vi.waitFor(() => expect(rig.service.streams.count).toBe(0));
  const rest = await readEvents(await goOn(id, "99"));
  const wanted = [...Array(201).keys()].map((index) => String(index + 100));
  expect(rest.map((event) => event.id)).toEqual(wanted);
  expect(rest.at(-1)).toMatchObject({ name: "done", json: { done: 300, failed: 1, total: 300 } });
  // The whole again, for a reader who saw nothing; and nothing for one who saw the end.
  expect((await readEvents(await goOn(id))).length).toBe(301);
  const over = await goOn(id, "300");
  expect(over.status).toBe(404);
  expect((await goOn(id)).status).toBe(404);
});

test("HEAD says whether a stream can be gone on with, runs nothing, cuts nobody off", async () => {
  const rows = Array.from({ length: 300 }, () => [1]);
  const reply = await openEvents("?model=wide", rows);
  const id = reply.headers.get("x-stream-id") ?? "";
  const runs = ran;
  const reader = readEvents(reply);
  const ask = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${rig.url}/predict/stream/${id}`, { method: "HEAD", headers });
  const head = await ask({});
  expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  expect([head.headers.get("x-stream-id"), await head.text()]).toEqual([id, ""]);
  expect((await ask({ "last-event-id": "x" })).status).toBe(400);
  expect((await reader).at(-1)?.name).toBe("done");
  expect((await ask({ "last-event-id": "300" })).status).toBe(404);
  // The rows ran once, and the reader of an end that HEAD asked for may still go on.
  expect(ran - runs).toBeLessThanOrEqual(rows.length);
  const before = ran;
  expect((await ask({ "last-event-id": "9" })).status).toBe(200);
  expect(ran).toBe(before);
  expect((await readEvents(await goOn(id, "298"))).map((event) => event.id)).toEqual([
    "299",
    "300",
  ]);
});

test("a second reader takes the stream over from the first", async () => {
  const reply = await openEvents("?model=wide", many.concat(many, many, many));
  const id = reply.headers.get("x-stream-id") ?? "";
  const second = await readEvents(await goOn(id));
  expect(second.at(-1)?.name).toBe("done");
  await expect(readEvents(reply)).rejects.toThrow();
});

test("refuses an id that is no event's, and a stream that is unknown", async () => {
  const reply = await openEvents("?model=small", many);
  const id = reply.headers.get("x-stream-id") ?? "";
  await readEvents(reply);
  for (const wrong of ["-1", "x", "1.5"]) {
    const refused = await goOn(id, wrong);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: "INVALID_REQUEST", field: "last-event-id" });
  }
  expect((await goOn("0".repeat(32))).status).toBe(404);
});
