// Goal: a stream's lines leave together, slice by slice, and a huge slice in parts; a row whose
// answer JSON cannot say costs its own line only. Method: a door over models in memory; each chunk
// of the reply is one write of the server.
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { ServingError } from "../../../base/index.ts";
import { makeTensor } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { streamPredict } from "./stream.ts";

/** Scores of a row; a line of them has about 20 KB. */
const scores = 2_000;
/** What a row of `wide` holds whose last score is NaN. */
const faulty = 13;
let rig: RestRig;

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
  const wrong = Array.from({ length: 50 }, () => ["x"]);
  const { chunks, lines } = await stream("?model=small&progress=1", [...wrong, [1]]);
  expect(lines.length).toBe(52);
  expect(lines.at(-1)).toEqual({ progress: { done: 51, failed: 50, total: 51 } });
  expect(chunks.length).toBe(3);
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

test("refuses the streams over the limit, also while their bodies are read", async () => {
  const { service } = rig;
  const open = { count: 0 };
  const streams = service.limits.streamsMax;
  const refused: unknown[] = [];
  const { promise: never } = Promise.withResolvers<never>();
  const route = { service, open, readBody: () => never };
  const exchange = { headers: { contentType: "" } } as Exchange;
  for (let index = 0; index < streams + 2; index += 1) {
    void streamPredict(route, exchange).catch((thrown: unknown) => refused.push(thrown));
  }
  await Promise.resolve();
  expect(open.count).toBe(streams);
  expect(refused.map((thrown) => ServingError.from(thrown).limit)).toEqual([
    "streamsMax",
    "streamsMax",
  ]);
});

test("a stream whose body is refused is no longer open", async () => {
  const open = { count: 0 };
  const readBody = (): never => {
    throw new ServingError("INVALID_REQUEST", "no");
  };
  const exchange = { headers: { contentType: "" } } as Exchange;
  const pending = streamPredict({ service: rig.service, open, readBody }, exchange);
  await expect(pending).rejects.toThrow("no");
  expect(open.count).toBe(0);
});
