// Goal: a model that never returns costs its own caller an ENGINE_TIMEOUT and nobody else (R14).
// Method: a Loop whose count comes from the input, beside a small model, with a short wall clock.
import { expect, test } from "vitest";
import { loop } from "../../tools/onnx/loads.ts";
import { fingerprint, fingerprintOf } from "../../tools/onnx/models.ts";
import { until } from "../support/built-server.ts";
import {
  codeOf,
  infer,
  isAlive,
  loopInputs,
  metric,
  pause,
  setting,
  startServer,
  writeModels,
} from "./chaos-rig.ts";

const batchWallMsMax = 500;
const never = 10 ** 13;

test("a hung batch is killed at its wall clock while the other model answers", async () => {
  const folder = writeModels({ "loop.onnx": loop(), "print.onnx": fingerprint(4) });
  const limits = setting({ "limits.batchWallMsMax": batchWallMsMax, "limits.drainDelayMs": 0 });
  const server = await startServer([`${folder}/loop.onnx`, `${folder}/print.onnx`, ...limits]);
  const before = await server.workers();
  expect((await infer(server, "loop", { inputs: loopInputs(10) })).status).toBe(200);

  const askedAtMs = performance.now();
  let hungForMs = 0;
  const hung = infer(server, "loop", { inputs: loopInputs(never) }).then((reply) => {
    hungForMs = performance.now() - askedAtMs;
    return reply;
  });
  let others = 0;
  while (hungForMs === 0) {
    const row = [others, 2, 3, 4];
    const reply = await infer(server, "print", {
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 4], data: row }],
    });
    expect(reply.status).toBe(200);
    expect(reply.text).toContain(String(fingerprintOf(row)));
    others += 1;
    await pause(5);
  }
  const reply = await hung;
  expect(reply.status).toBe(503);
  expect(codeOf(reply)).toBe("ENGINE_TIMEOUT");
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(hungForMs).toBeGreaterThanOrEqual(batchWallMsMax);
  expect(hungForMs).toBeLessThan(batchWallMsMax + 10_000);
  expect(others).toBeGreaterThan(3);
  process.stdout.write(`hang: answered after ${Math.round(hungForMs)} ms, ${others} others\n`);

  await until(async () => {
    return (await infer(server, "loop", { inputs: loopInputs(10) })).status === 200;
  }, 30_000);
  await until(() => Promise.resolve(before.filter(isAlive).length === before.length - 1), 10_000);
  expect(server.output()).toContain("worker died");
  expect(server.output()).toContain("hang");
  expect(await metric(server, "millrace_quarantined_inputs")).toBe(0);
  expect(await metric(server, "millrace_worker_deaths_total", { model: "print" })).toBe(0);
  expect(await server.stop()).toBe(0);
});
