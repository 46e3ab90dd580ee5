// Goal: several fronts are one server: each answers, all count together, and what dies takes only
// its own requests along. Method: the built server with `--fronts 2`, asked on many connections;
// its processes are told apart by the debug log and killed under load.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { deadly, deadlyElement } from "../../tools/onnx/loads.ts";
import { fingerprint } from "../../tools/onnx/models.ts";
import {
  type BuiltServer,
  builtMain,
  get,
  post,
  root,
  startBuilt,
  until,
} from "../support/built-server.ts";
import { linesOf, otherFronts } from "../support/front-lines.ts";
import { GrpcClient } from "../support/grpc-client.ts";

const model = join(root, "models/churn");
const body = JSON.stringify({ features: [5, 3, 70, 200] });
const oip = "inference.GRPCInferenceService";
const grpcRequest = {
  model_name: "churn",
  inputs: [
    {
      ...{ name: "features", datatype: "FP32", shape: [1, 4] },
      contents: { fp32_contents: [45, 12, 79.5, 954] },
    },
  ],
};
const started: BuiltServer[] = [];

afterAll(async () => {
  await Promise.all(started.map((server) => server.stop("SIGKILL")));
});

const env = { MILLRACE_LIMITS_DRAIN_DELAY_MS: "0" };

async function start(args: readonly string[] = []): Promise<BuiltServer> {
  const server = await startBuilt([model, "--fronts", "2", ...args], { env });
  started.push(server);
  return server;
}

interface Reply {
  readonly status: number;
  readonly code: string;
}

/** One request on a connection of its own, so that the kernel may give it to any front. */
async function ask(server: BuiltServer): Promise<Reply> {
  const { hostname, port } = new URL(server.url);
  const headers = { "content-type": "application/json", connection: "close" };
  const sent = request({ hostname, port, path: "/predict", method: "POST", headers, agent: false });
  sent.end(body);
  const [reply] = (await once(sent, "response")) as [
    AsyncIterable<Buffer> & { statusCode: number },
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of reply) chunks.push(chunk);
  const answer = JSON.parse(Buffer.concat(chunks).toString()) as { code?: string };
  return { status: reply.statusCode, code: answer.code ?? "" };
}

/** Sums the samples of a family whose labels hold all of `words`. */
async function metric(server: BuiltServer, family: string, words: readonly string[] = []) {
  const { text } = await get(`${server.url}/metrics`);
  const lines = text
    .split("\n")
    .filter((line) => line.startsWith(`${family}{`) || line.startsWith(`${family} `));
  const chosen = lines.filter((line) => words.every((word) => line.includes(word)));
  return chosen.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

describe("two fronts", () => {
  test("both answer over one worker, and the figures are those of both", async () => {
    const server = await start(["--log-level", "debug"]);
    for (let count = 0; count < 64; count += 1) expect((await ask(server)).status).toBe(200);
    const predictions = () => linesOf(server).filter((line) => line["path"] === "/predict");
    await until(() => Promise.resolve(predictions().length >= 64), 3_000);
    const answered = predictions();
    const byOther = answered.filter((line) => line["front"] === 1).length;
    expect([answered.length, byOther > 8, byOther < 56]).toEqual([64, true, true]);
    expect(await server.workers()).toHaveLength(2);
    // Whichever front is asked, the page is that of both.
    for (let count = 0; count < 16; count += 1) {
      const labels = ['door="rest"', 'code="OK"'];
      expect(await metric(server, "millrace_requests_total", labels)).toBe(64);
    }
    expect(await metric(server, "millrace_fronts", ["answered"])).toBe(2);
    const stats = await get(`${server.url}/v2/models/churn/stats`);
    expect(stats.body).toMatchObject({ model_stats: [{ inference_count: 64 }] });
    const figures = await get(`${server.url}/models/churn/metrics`);
    expect(figures.body).toMatchObject({ metrics: { inference_count: 64 } });
    expect((await get(`${server.url}/health?deep=1`)).status).toBe(200);
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(server.output()).not.toContain('"level":"error"');
  });

  test("gRPC is answered by both", async () => {
    const server = await start(["--log-level", "debug"]);
    for (let count = 0; count < 32; count += 1) {
      const client = new GrpcClient(server.grpc);
      expect((await client.call(`${oip}/ModelInfer`, grpcRequest)).code).toBe(0);
      client.close();
    }
    const callLines = () => linesOf(server).filter((line) => line["message"] === "call");
    await until(() => Promise.resolve(callLines().length >= 32), 3_000);
    const calls = callLines();
    const byOther = calls.filter((line) => line["front"] === 1).length;
    expect([calls.length, byOther > 2, byOther < 30]).toEqual([32, true, true]);
    expect(await metric(server, "millrace_requests_total", ['door="grpc"'])).toBe(32);
    const client = new GrpcClient(server.grpc);
    const stats = await client.call(`${oip}/ModelStatistics`, { name: "churn" });
    expect(stats.reply["model_stats"]).toMatchObject([{ inference_count: "32" }]);
    client.close();
    await server.stop();
  });

  test("streams and WebSockets work on each", async () => {
    const server = await start();
    const rows = Array.from({ length: 50 }, () => [5, 3, 70, 200]);
    for (let count = 0; count < 8; count += 1) {
      const reply = await post(
        `${server.url}/predict/stream`,
        { instances: rows },
        { connection: "close" },
      );
      expect([reply.status, reply.text.trim().split("\n").length >= 50]).toEqual([200, true]);
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/predict/ws`);
      await once(socket, "open");
      socket.send(body);
      const [message] = (await once(socket, "message")) as [Buffer];
      expect(JSON.parse(message.toString())).toMatchObject({ prediction: 1 });
      socket.close();
    }
    await server.stop();
  });
});

/** Asks without a pause on `connections` connections until `isOver`; what came of it by outcome. */
async function load(server: BuiltServer, isOver: () => boolean): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const agents = Array.from({ length: 16 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const caller = async (agent: Agent): Promise<void> => {
    while (!isOver()) {
      const outcome = await askOn(server, agent).catch(() => "broken");
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(agents.map(caller));
  for (const agent of agents) agent.destroy();
  return outcomes;
}

async function askOn(server: BuiltServer, agent: Agent): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const headers = { "content-type": "application/json" };
  const sent = request({ hostname, port, path: "/predict", method: "POST", headers, agent });
  sent.end(body);
  const [reply] = (await once(sent, "response")) as [
    AsyncIterable<Buffer> & { statusCode: number },
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of reply) chunks.push(chunk);
  if (reply.statusCode === 200) return "answered";
  const answer = JSON.parse(Buffer.concat(chunks).toString()) as { code?: string };
  return `${reply.statusCode} ${answer.code ?? ""}`;
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

describe("under load", () => {
  test("a front that is killed is replaced; only its own connections break", async () => {
    const server = await start();
    const victim = otherFronts(server)[0] ?? 0;
    let isOver = false;
    const loaded = load(server, () => isOver);
    await pause(1_500);
    const before = await metric(server, "millrace_requests_total", ['code="OK"']);
    process.kill(victim, "SIGKILL");
    await until(
      async () => otherFronts(server).length === 2,
      10_000,
      () => server.output(),
    );
    const after = await metric(server, "millrace_requests_total", ['code="OK"']);
    await pause(500);
    isOver = true;
    const outcomes = await loaded;
    expect([...outcomes.keys()].sort()).toEqual(["answered", "broken"]);
    expect(outcomes.get("broken")).toBeLessThanOrEqual(32);
    expect(before).toBeGreaterThan(0);
    expect(after).toBeGreaterThanOrEqual(before);
    expect((await get(`${server.url}/health/ready`)).status).toBe(200);
    await until(async () => (await metric(server, "millrace_fronts", ["answered"])) === 2, 3_000);
    expect(await server.stop("SIGTERM")).toBe(0);
  });

  test("a worker that is killed fails what it had and is replaced for both fronts", async () => {
    const server = await start();
    const fronts = otherFronts(server);
    const worker = (await server.workers()).find((pid) => !fronts.includes(pid)) ?? 0;
    let isOver = false;
    const loaded = load(server, () => isOver);
    await pause(1_000);
    process.kill(worker, "SIGKILL");
    await pause(1_500);
    isOver = true;
    const outcomes = await loaded;
    const lost = outcomes.get("503 WORKER_LOST") ?? 0;
    expect([...outcomes.keys()].filter((each) => each !== "503 WORKER_LOST")).toEqual(["answered"]);
    expect(lost).toBeLessThanOrEqual(16);
    // A constant input under a kill from outside is never quarantined, on any front.
    for (let count = 0; count < 16; count += 1) expect((await ask(server)).status).toBe(200);
    expect(await metric(server, "millrace_worker_restarts_total")).toBe(1);
    expect(await metric(server, "millrace_quarantined_inputs")).toBe(0);
    await server.stop();
  });

  test("a stop is known to both fronts, and what was accepted is answered", async () => {
    const server = await start(["--set", "limits.drainDelayMs=1500"]);
    let isOver = false;
    const loaded = load(server, () => isOver);
    await pause(500);
    const ended = server.stop("SIGTERM");
    await pause(300);
    for (let count = 0; count < 12; count += 1) {
      const reply = await get(`${server.url}/health/ready`, { connection: "close" });
      expect(reply.status).toBe(503);
      expect((await ask(server)).status).toBe(200);
    }
    await pause(300);
    isOver = true;
    expect([...(await loaded).keys()]).toEqual(["answered"]);
    expect(await ended).toBe(0);
  });
});

test("a front that cannot be started again is tried later, and the others serve on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-no-room-"));
  const server = await startBuilt([model, "--fronts", "2"], { env: { ...env, TMPDIR: folder } });
  started.push(server);
  rmSync(folder, { recursive: true });
  process.kill(otherFronts(server)[0] ?? 0, "SIGKILL");
  const failed = () => linesOf(server).filter((line) => String(line["words"]).includes("ENOENT"));
  await until(
    () => Promise.resolve(failed().length >= 2),
    10_000,
    () => server.output(),
  );
  for (let count = 0; count < 8; count += 1) expect((await ask(server)).status).toBe(200);
  expect(await metric(server, "millrace_fronts", ["answered"])).toBe(1);
  mkdirSync(folder);
  await until(
    async () => otherFronts(server).length === 2,
    20_000,
    () => server.output(),
  );
  for (let count = 0; count < 8; count += 1) expect((await ask(server)).status).toBe(200);
  expect(await server.stop("SIGTERM")).toBe(0);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test.skipIf(process.arch !== "x64")(
  "an input that kills is refused by both after two deaths (x64)",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-deadly-"));
    writeFileSync(join(folder, "deadly.onnx"), deadly());
    const server = await startBuilt([join(folder, "deadly.onnx"), "--fronts", "2"], { env });
    started.push(server);
    const path = "/v2/models/deadly/infer";
    const inputs = [{ name: "x", datatype: "INT32", shape: [1, 1], data: [deadlyElement] }];
    const codes: string[] = [];
    for (let count = 0; count < 12; count += 1) {
      await until(async () => (await metric(server, "millrace_model_ready")) === 1, 30_000);
      const reply = await post(`${server.url}${path}`, { inputs }, { connection: "close" });
      codes.push((reply.body as { code: string }).code);
    }
    expect(codes).toEqual([
      ...Array(2).fill("WORKER_LOST"),
      ...Array(10).fill("INPUT_QUARANTINED"),
    ]);
    expect(await metric(server, "millrace_worker_deaths_total")).toBe(2);
    expect(await metric(server, "millrace_quarantined_inputs")).toBe(1);
    await server.stop();
    rmSync(folder, { recursive: true });
  },
);

test("no front outlives a primary that was killed, and nothing of it is left", async () => {
  const server = await start();
  const processes = [...otherFronts(server), ...(await server.workers())];
  await server.stop("SIGKILL");
  await until(() => Promise.resolve(!processes.some(isAlive)), 5_000);
  const left = readdirSync(tmpdir()).filter((name) => name.includes(`-front-${server.pid}-`));
  expect(left).toEqual([]);
});

/** A process that has ended but was not yet collected is dead. */
function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

describe("the setting", () => {
  test("a model that would run inside a front is refused, with what to do instead", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-inline-"));
    writeFileSync(join(folder, "model.onnx"), fingerprint(3));
    writeFileSync(join(folder, "model.yaml"), "isolation: inline\n");
    const words = ["serve", folder, "--fronts", "2", "--port", "0", "--no-grpc"];
    const child = spawn(process.execPath, [builtMain, ...words], { stdio: "pipe" });
    let output = "";
    child.stderr.on("data", (chunk) => {
      output += String(chunk);
    });
    expect((await once(child, "exit"))[0]).toBe(1);
    const why = "isolation: inline needs a single front: take isolation: process, or --fronts 1";
    expect(output).toContain(why);
    rmSync(folder, { recursive: true });
  });

  test("auto takes half of the cores", async () => {
    const server = await startBuilt([model, "--fronts", "auto"]);
    started.push(server);
    expect((await ask(server)).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });

  test.each([
    [["--fronts", "0"], "server.fronts: got 0, expected at least 1"],
    [["--fronts", "65"], "server.fronts: got 65, expected at most 64"],
    [["--fronts", "2.5"], "expected a whole number from 1 to 64, or auto"],
    [["--fronts", "many"], "expected a number"],
    [
      ["--fronts", "4", "--set", "limits.connectionsMax=3"],
      "limits.connectionsMax: 3 cannot be divided among 4 fronts: expected 4 or more",
    ],
  ])("%j ends the start and says why", async (words, why) => {
    await expect(startBuilt([model, ...words])).rejects.toThrow(why);
  });
});
