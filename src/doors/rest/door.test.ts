// Goal: a log at `debug` tells of every request, and of none above it. Method: a door over one
// model in memory, its log lines collected.
import { afterAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../test/support/rest-rig.ts";
import { createLog, type LogLevel } from "../../observe/index.ts";
import type { Tensor } from "../../tensor/index.ts";

const rigs: RestRig[] = [];
afterAll(async () => {
  for (const rig of rigs) await rig.close();
});

async function linesAt(level: LogLevel): Promise<unknown[]> {
  const lines: unknown[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line));
  };
  const model = {
    name: "echo",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] })],
    outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 2] })],
    run: ({ inputs }: { inputs: readonly (Tensor | undefined)[] }) => [inputs[0] as Tensor],
  };
  const rig = await openRestRig([model], {}, { log: createLog({ level, format: "json", write }) });
  rigs.push(rig);
  const headers = { "content-type": "application/json", "x-request-id": "r-1" };
  const body = '{"features":[1,2]}';
  await (await fetch(`${rig.url}/predict`, { method: "POST", headers, body })).text();
  await (await fetch(`${rig.url}/nowhere`, { headers })).text();
  return lines;
}

test("writes a line for each request at debug", async () => {
  const common = { level: "debug", message: "request", request_id: "r-1" };
  const lines = await linesAt("debug");
  expect(lines).toContainEqual({
    ...common,
    time: expect.any(String),
    method: "POST",
    path: "/predict",
    status: 200,
    code: "OK",
    took_ms: expect.any(Number),
    model: "echo",
    version: "1.0.0",
  });
  const refused = { method: "GET", path: "/nowhere", status: 404, code: "NOT_FOUND" };
  expect(lines).toContainEqual(expect.objectContaining({ ...common, ...refused }));
});

test("writes none at info", async () => {
  expect(await linesAt("info")).toEqual([]);
});
