// Goal: an event for each item, in order, each a reply of one item; a bad item fails alone; what
// cannot be streamed is refused before. Method: a door over models in memory that answer their
// inputs, one of which refuses some values.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { ServingError } from "../../../base/index.ts";
import { makeTensor } from "../../../tensor/index.ts";

let rig: RestRig;
const slices: number[] = [];
/** A value that the engine refuses, and one whose answer JSON cannot say. */
const [refused, unsayable] = [13, 17];

beforeAll(async () => {
  const spec = { name: "x", dtype: "FP32", shape: [-1, 2] } as const;
  const values = (tensor: unknown): Float32Array => (tensor as { elements: Float32Array }).elements;
  const run = (request: { inputs: readonly unknown[]; items: number }) => {
    slices.push(request.items);
    const given = values(request.inputs[0]);
    if (given.includes(refused)) throw new ServingError("INPUT_REJECTED_BY_MODEL", "no thirteen");
    const made = given.map((each) => (each === unsayable ? Number.NaN : each * 2));
    return [makeTensor("FP32", [request.items, 2], made)];
  };
  const outputs = [outputSpec({ ...spec, name: "y" })];
  rig = await openRestRig([
    { name: "double", inputs: [inputSpec(spec)], outputs, run },
    {
      name: "whole",
      inputs: [inputSpec({ ...spec, shape: [1, 2] })],
      outputs: [outputSpec({ ...spec, name: "y", shape: [1, 2] })],
      layout: { kind: "none", reason: "a test" },
      run,
    },
  ]);
});
afterAll(() => rig.close());

async function stream(model: string, body: unknown) {
  const reply = await fetch(`${rig.url}/v2/models/${model}/infer_stream`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  const type = reply.headers.get("content-type");
  if (type !== "text/event-stream") return { status: reply.status, events: [], text };
  const events = text
    .split("\n\n")
    .filter(Boolean)
    .map((each) => JSON.parse(each.slice("data: ".length)) as Record<string, unknown>);
  return { status: reply.status, events, text };
}

function rows(values: readonly number[]) {
  const data = values.flatMap((value) => [value, 1]);
  return [{ name: "x", datatype: "FP32", shape: [values.length, 2], data }];
}

test("answers each item with an event of its own, in order, from slices of many", async () => {
  slices.length = 0;
  const values = Array.from({ length: 300 }, (_, index) => index + 100);
  const { events } = await stream("double/versions/1.0.0", { id: "i", inputs: rows(values) });
  expect(events.length).toBe(300);
  for (const [index, event] of events.entries()) {
    expect(event).toEqual({
      ...{ model_name: "double", model_version: "1.0.0", id: "i" },
      outputs: [{ name: "y", datatype: "FP32", shape: [1, 2], data: [2 * (index + 100), 2] }],
    });
  }
  expect(slices.length).toBeLessThan(12);
});

test("an item that the model refuses, or whose answer JSON cannot say, fails alone", async () => {
  const { events } = await stream("double", { inputs: rows([1, refused, 3, unsayable, 5]) });
  expect(events.map((event) => event["code"] ?? "OK")).toEqual([
    ...["OK", "INPUT_REJECTED_BY_MODEL", "OK", "OUTPUT_NOT_REPRESENTABLE", "OK"],
  ]);
  expect(events[1]).toMatchObject({ index: 1 });
  expect(events[3]).toMatchObject({ index: 3, error: expect.stringContaining("y") });
});

test("a model that cannot be batched gives one event, no items give none", async () => {
  expect((await stream("whole", { inputs: rows([4]) })).events).toMatchObject([
    { outputs: [{ shape: [1, 2], data: [8, 2] }] },
  ]);
  expect(await stream("double", { inputs: rows([]) })).toMatchObject({ status: 200, events: [] });
});

test("refuses wrong inputs and raw outputs before anything is streamed", async () => {
  const wrong = await stream("double", { inputs: [{ ...rows([1])[0], name: "z" }] });
  expect(wrong.status).toBe(400);
  const asks = [
    { outputs: [{ name: "y", parameters: { binary_data: true } }] },
    { parameters: { binary_data_output: true } },
  ];
  for (const ask of asks) {
    const { status, text } = await stream("double", { ...ask, inputs: rows([1]) });
    expect([status, text]).toEqual([400, expect.stringContaining("binary_data")]);
  }
  const json = { name: "y", parameters: { binary_data: false } };
  const said = { outputs: [json], parameters: { binary_data_output: true } };
  expect((await stream("double", { ...said, inputs: rows([1]) })).events.length).toBe(1);
  expect(rig.service.streams.count).toBe(0);
});
