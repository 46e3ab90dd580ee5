// Goal: a faulty row is named by its place in the caller's list, whatever failed before it and
// however the rows were cut. Method: a door over models in memory with value rules and a model that
// refuses some rows, asked over HTTP.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  type MemoryModel,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../../test/support/rest-rig.ts";
import { ServingError } from "../../../../base/index.ts";
import type { ColumnSpec } from "../../../../model/index.ts";
import { makeTensor } from "../../../../tensor/index.ts";

function column(name: string, more: Partial<ColumnSpec> = {}): ColumnSpec {
  return { name, dtype: "FP32", min: undefined, max: undefined, default: undefined, ...more };
}

const columns = [column("age", { min: 0, max: 120 }), column("tenure", { max: 1000 })];
const output = outputSpec({ name: "y", dtype: "FP32", shape: [-1] }, { role: "prediction" });

/** Answers the sum of each row; refuses a request with a tenure of 666. */
const sums: MemoryModel["run"] = (request) => {
  const values = request.inputs[0]?.elements as Float32Array;
  if (values.includes(666)) {
    throw new ServingError("INPUT_REJECTED_BY_MODEL", "the model cannot run on this input");
  }
  const answers = new Float32Array(request.items);
  for (let row = 0; row < request.items; row += 1) {
    answers[row] = (values[2 * row] ?? 0) + (values[2 * row + 1] ?? 0);
  }
  return [makeTensor("FP32", [request.items], answers)];
};

const table = inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] }, { columns });
const models: readonly MemoryModel[] = [
  { name: "table", inputs: [table], outputs: [output], run: sums },
  {
    name: "alone",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [2] }, { columns })],
    outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [1] }, { role: "prediction" })],
    layout: { kind: "none", reason: "a test" },
    run: sums,
  },
];

let rig: RestRig;

beforeAll(async () => {
  rig = await openRestRig(models);
});
afterAll(() => rig.close());

interface Fault {
  readonly index: number;
  readonly code: string;
  readonly error: string;
}

async function ask(path: string, instances: unknown): Promise<string> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ instances });
  const response = await fetch(`${rig.url}${path}`, { method: "POST", headers, body });
  return await response.text();
}

async function batchFaults(model: string, instances: unknown): Promise<readonly Fault[]> {
  const text = await ask(`/batch_predict?model=${model}`, instances);
  return (JSON.parse(text) as { errors?: Fault[] }).errors ?? [];
}

async function streamFaults(model: string, instances: unknown): Promise<readonly Fault[]> {
  const text = await ask(`/predict/stream?model=${model}`, instances);
  const lines = text.split("\n").filter(Boolean);
  const faults = lines.map((line) => JSON.parse(line) as Fault).filter((line) => line.error);
  return faults.sort((a, b) => a.index - b.index);
}

const rows = [
  [30, 1],
  [30, "x"],
  [30, 1],
  [130, 1],
  [30, 666],
  { age: 30 },
  { age: -1, tenure: 2 },
];

test.each([["table"], ["alone"]])("names each faulty row of '%s' by its place", async (model) => {
  for (const faults of [await batchFaults(model, rows), await streamFaults(model, rows)]) {
    expect(faults.map((fault) => fault.index)).toEqual([1, 3, 4, 5, 6]);
    const messages = faults.map((fault) => fault.error);
    expect(messages[0]).toMatch(/^instances\[1\]/);
    expect(messages[1]).toMatch(/^instances\[3\]\.age: /);
    expect(messages[2]).toBe("instances[4]: the model cannot run on this input");
    expect(messages[3]).toMatch(/^instances\[5\]\.tenure: missing/);
    expect(messages[4]).toMatch(/^instances\[6\]\.age: /);
  }
});

test("names a row of a later slice of a stream", async () => {
  const many: unknown[] = Array.from({ length: 100 }, () => [30, 1]);
  many[70] = [121, 1];
  const [fault] = await streamFaults("table", many);
  expect(fault?.error).toMatch(/^instances\[70\]\.age: /);
});

test("names the column of the only row of a model that takes one row", async () => {
  const reply = JSON.parse(await ask("/predict?model=alone", [[30, 1001]])) as { error: string };
  expect(reply.error).toMatch(/^instances\[0\]\.tenure: /);
});
