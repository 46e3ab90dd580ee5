// Goal: fronts that boot, or cannot, hold nobody up: a stop ends them, a start says why, and one
// that the system refuses for a while is tried again. Method: the built server with `--fronts 2`,
// whose fronts are killed and whose temporary folder is taken away.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  type BuiltServer,
  builtMain,
  post,
  root,
  startBuilt,
  until,
} from "../support/built-server.ts";
import { linesOf, otherFronts } from "../support/front-lines.ts";

const isFull = process.env["MILLRACE_TEST_FULL"] === "1";
const model = join(root, "models/churn");
const body = JSON.stringify({ features: [5, 3, 70, 200] });
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

describe("a stop while a front boots", () => {
  const stopMsMax = 6_000;

  test("does not wait for one that replaces another", async () => {
    const server = await start();
    process.kill(otherFronts(server)[0] ?? 0, "SIGKILL");
    await until(
      async () => linesOf(server).some((line) => line["message"] === "front died"),
      5_000,
      () => server.output(),
    );
    const askedAtMs = performance.now();
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(performance.now() - askedAtMs).toBeLessThan(stopMsMax);
  });

  test("ends a server that has not opened its fronts yet", async () => {
    const options = { env, isLiveEnough: true };
    const server = await startBuilt([join(root, "models"), "--fronts", "2"], options);
    started.push(server);
    expect(linesOf(server).some((line) => line["message"] === "serving")).toBe(false);
    const askedAtMs = performance.now();
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(performance.now() - askedAtMs).toBeLessThan(stopMsMax);
  });
});

test.runIf(isFull)(
  "a front that is stopped for half a minute is replaced (long form)",
  async () => {
    const server = await start();
    process.kill(otherFronts(server)[0] ?? 0, "SIGSTOP");
    await until(
      async () => otherFronts(server).length === 2,
      60_000,
      () => server.output(),
    );
    expect(await server.stop("SIGTERM")).toBe(0);
  },
  120_000,
);

test("a front that the system does not let start is tried again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-e2e-fronts-"));
  const options = { env: { ...env, TMPDIR: folder } };
  const server = await startBuilt([model, "--fronts", "2"], options);
  started.push(server);
  const died = () => linesOf(server).filter((line) => line["message"] === "front died");
  rmSync(folder, { recursive: true });
  process.kill(otherFronts(server)[0] ?? 0, "SIGKILL");
  await until(
    async () => died().length > 2,
    10_000,
    () => server.output(),
  );
  expect(String(died()[1]?.["words"])).toContain("it was not started");
  expect((await post(`${server.url}/predict`, body)).status).toBe(200);
  mkdirSync(folder);
  await until(
    async () => otherFronts(server).length === 2,
    10_000,
    () => server.output(),
  );
  expect(await server.stop("SIGTERM")).toBe(0);
  rmSync(folder, { recursive: true });
});

test("a temporary folder that is too deep for a socket ends the start and says why", async () => {
  const outer = mkdtempSync(join(tmpdir(), "millrace-e2e-fronts-"));
  const folder = join(outer, "x".repeat(100));
  mkdirSync(folder);
  const words = ["serve", model, "--fronts", "2", "--port", "0", "--no-grpc"];
  const options = { stdio: "pipe", env: { ...process.env, ...env, TMPDIR: folder } } as const;
  const child = spawn(process.execPath, [builtMain, ...words], options);
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += String(chunk);
  });
  expect((await once(child, "exit"))[0]).toBe(1);
  expect(output).toMatch(/folder of TMPDIR .* expected at most 107/u);
  rmSync(outer, { recursive: true });
});

test.runIf(isFull)(
  "a front that is stuck is not waited for when the server stops",
  async () => {
    const server = await start();
    await until(
      async () => otherFronts(server).length === 1,
      10_000,
      () => "no other front",
    );
    const [stuck] = otherFronts(server);
    process.kill(stuck ?? 0, "SIGSTOP");
    const startedAtMs = performance.now();
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(performance.now() - startedAtMs).toBeLessThan(20_000);
  },
  60_000,
);
