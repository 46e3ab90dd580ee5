// Goal: a server that starts says so and refuses politely; one that cannot start says why and ends;
// one bad model does not take the others along.
// Method: the built server on many models, on broken ones, and on a port that is taken.
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { fingerprint, fingerprintOf, identity } from "../../tools/onnx/models.ts";
import { type BuiltServer, get, until } from "../support/built-server.ts";
import { codeOf, column, infer, runToEnd, setting, startServer, writeModels } from "./chaos-rig.ts";

const width = 4;
const row = [1, 2, 3, 4];
const input = { name: "x", datatype: "FP32", shape: [1, width], data: row };
const noDelay = setting({ "limits.drainDelayMs": 0 });

async function expectAnswer(server: BuiltServer, model: string): Promise<void> {
  const reply = await infer(server, model, { inputs: [input] });
  expect(reply.status).toBe(200);
  expect(reply.text).toContain(String(fingerprintOf(row)));
}

test("a member of a repository that cannot be loaded leaves the others serving", async () => {
  const whole = fingerprint(width);
  const folder = writeModels({
    "good/1/model.onnx": whole,
    "junk/1/model.onnx": new TextEncoder().encode("this is no model"),
    "torn/1/model.onnx": whole.subarray(0, Math.floor(whole.length / 2)),
    "empty/1/model.onnx": new Uint8Array(0),
    "other/1/model.onnx": identity("FP32", ["batch", 1]),
  });
  const server = await startServer([folder, ...noDelay]);
  await expectAnswer(server, "good");
  expect((await infer(server, "other", { inputs: [column([5])] })).status).toBe(200);
  for (const broken of ["junk", "torn", "empty"]) {
    const ready = await get(`${server.url}/v2/models/${broken}/ready`);
    expect([broken, ready.status]).toEqual([broken, 503]);
    const reply = await infer(server, broken, { inputs: [input] });
    expect([broken, reply.status, codeOf(reply)]).toEqual([broken, 503, "MODEL_NOT_READY"]);
    expect(server.output()).toContain(`failed to load '${broken}'`);
  }
  expect((await get(`${server.url}/health/ready`)).status).toBe(200);
  await expectAnswer(server, "good");
  expect(await server.stop()).toBe(0);
});

test("a model named on the command line that cannot be loaded ends the start with 1", async () => {
  const folder = writeModels({
    "good.onnx": fingerprint(width),
    "junk.onnx": new TextEncoder().encode("this is no model"),
  });
  const paths = [`${folder}/good.onnx`, `${folder}/junk.onnx`];
  const ended = await runToEnd(["serve", ...paths, "--port", "0", "--host", "127.0.0.1"]);
  expect(ended.code).toBe(1);
  const reasons = ended.output.split("the file is not a readable ONNX model").length - 1;
  expect(reasons, ended.output).toBe(1);
  expect(ended.output).toContain("failed to load 'junk' 1.0.0: the file is not a readable");
  const last = ended.output.split("\n").find((line) => line.includes("the start failed"));
  expect(last).toContain("'junk' 1.0.0 must load and did not");
  expect(last).not.toContain("    at ");
});

test("a port that is taken is one clear line and exit code 1", async () => {
  const folder = writeModels({ "good.onnx": fingerprint(width) });
  const holder = createServer();
  await new Promise<void>((done) => holder.listen({ port: 0, host: "127.0.0.1" }, done));
  const address = holder.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    const words = ["--port", String(port), "--host", "127.0.0.1"];
    const ended = await runToEnd(["serve", `${folder}/good.onnx`, ...words]);
    expect(ended.code).toBe(1);
    const named = ended.output.split("\n").filter((line) => line.includes(`port ${port}`));
    expect(named.length).toBe(1);
    expect(named[0]).toContain("is taken");
    expect(ended.output).not.toContain("    at ");
  } finally {
    holder.close();
  }
});

test("a second server on the same port is refused and the first goes on", async () => {
  const folder = writeModels({ "good.onnx": fingerprint(width) });
  const server = await startServer([`${folder}/good.onnx`, ...noDelay]);
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    const words = ["--port", String(server.port), "--host", host];
    const ended = await runToEnd(["serve", `${folder}/good.onnx`, ...words]);
    expect([host, ended.code]).toEqual([host, 1]);
    expect(ended.output).toContain(`port ${server.port} is taken`);
    await expectAnswer(server, "good");
  }
  expect(await server.stop()).toBe(0);
});

test("while models load the server lives, is not ready and refuses for now", async () => {
  const count = 12;
  const names = Array.from({ length: count }, (_, index) => `print-${index + 1}`);
  // Each has other bytes, so that none profits from what another has proven.
  const folder = writeModels(
    Object.fromEntries(
      names.map((name, index) => [`${name}/1/model.onnx`, fingerprint(width + index)]),
    ),
  );
  const server = await startServer([folder, ...noDelay], { isLiveEnough: true });
  const codes = new Set<string>();
  let notReady = 0;
  await until(async () => {
    expect((await get(`${server.url}/health/live`)).status).toBe(200);
    const ready = await get(`${server.url}/health/ready`);
    const deep = await get(`${server.url}/v2/health/ready`);
    const reply = await infer(server, "print-1", { inputs: [input] });
    if (reply.status !== 200) {
      expect(reply.status).toBe(503);
      expect(reply.headers.has("retry-after")).toBe(true);
      codes.add(codeOf(reply));
    }
    if (ready.status === 200) return true;
    expect([ready.status, ready.headers.has("retry-after")]).toEqual([503, true]);
    notReady += 1;
    return deep.status === 200;
  }, 60_000);
  process.stdout.write(
    `start: ${notReady} looks not ready, refused with ${[...codes].join(" ")}\n`,
  );
  expect(notReady).toBeGreaterThan(0);
  expect(codes.size).toBeGreaterThan(0);
  for (const code of codes) expect(["SERVER_NOT_READY", "MODEL_NOT_READY"]).toContain(code);
  expect((await get(`${server.url}/health/ready`)).status).toBe(200);
  const list = await get(`${server.url}/models`);
  expect(Object.keys(list.body as object).sort()).toEqual([...names].sort());
  await expectAnswer(server, "print-1");
  expect(await server.stop()).toBe(0);
});

test("a stop while models load ends the start in order", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `print-${index + 1}`);
  const folder = writeModels(
    Object.fromEntries(
      names.map((name, index) => [`${name}/1/model.onnx`, fingerprint(width + index)]),
    ),
  );
  const server = await startServer([folder], { isLiveEnough: true });
  const stoppedAtMs = Date.now();
  expect(await server.stop("SIGTERM")).toBe(0);
  expect(Date.now() - stoppedAtMs).toBeLessThan(20_000);
});
