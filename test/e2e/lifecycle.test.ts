// Goal: a server stops as promised: what was accepted is answered, what comes later is refused, and
// the exit code tells how it went. Method: the built server under load, ended by signals.
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt, until } from "../support/built-server.ts";

const model = join(root, "models/churn");
const body = JSON.stringify({ features: [5, 3, 70, 200] });
const headers = { "content-type": "application/json" };
const started: BuiltServer[] = [];

async function start(drainDelayMs: number): Promise<BuiltServer> {
  const env = { MILLRACE_LIMITS_DRAIN_DELAY_MS: String(drainDelayMs) };
  const server = await startBuilt([model], { env });
  started.push(server);
  return server;
}

afterAll(async () => {
  await Promise.all(started.map((server) => server.stop("SIGKILL")));
});

async function predict(url: string): Promise<Response> {
  return await fetch(`${url}/predict`, { method: "POST", body, headers });
}

test("SIGTERM: not ready at once, served for the delay, then refused; exit 0", async () => {
  const server = await start(1_500);
  expect((await predict(server.url)).status).toBe(200);
  const ended = server.stop("SIGTERM");
  await until(async () => (await fetch(`${server.url}/health/ready`)).status === 503, 1_000);
  const reply = await predict(server.url);
  expect([reply.status, reply.headers.get("connection")]).toEqual([200, "close"]);
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
  expect(await ended).toBe(0);
  await expect(predict(server.url)).rejects.toThrow();
});

test("every request that was accepted before a stop has its answer", async () => {
  const server = await start(300);
  const seen = { answered: 0, refused: 0, lost: 0 };
  let isOver = false;
  const caller = async (): Promise<void> => {
    while (!isOver) {
      try {
        const reply = await predict(server.url);
        await reply.arrayBuffer();
        if (reply.status === 200) seen.answered += 1;
        else if (reply.status === 503) {
          seen.refused += 1;
          isOver = true;
        } else seen.lost += 1;
      } catch {
        seen.lost += 1;
      }
    }
  };
  const callers = Array.from({ length: 8 }, caller);
  await until(() => Promise.resolve(seen.answered > 100), 10_000);
  expect(await server.stop("SIGTERM")).toBe(0);
  await Promise.all(callers);
  expect(seen.lost).toBe(0);
  expect(seen.refused).toBeGreaterThan(0);
});

test("a request whose body is still arriving when the delay is over has its answer", async () => {
  const server = await start(300);
  const { hostname, port } = new URL(server.url);
  const asked = request({ hostname, port, path: "/predict", method: "POST", headers });
  asked.setHeader("content-length", body.length);
  const answered = once(asked, "response");
  asked.write(body.slice(0, 5));
  await until(async () => (await fetch(`${server.url}/health/ready`)).ok, 5_000);
  const ended = server.stop("SIGTERM");
  await until(async () => (await predict(server.url)).status === 503, 5_000);
  await new Promise((done) => setTimeout(done, 500));
  asked.end(body.slice(5));
  const [reply] = (await answered) as [IncomingMessage];
  reply.resume();
  expect(reply.statusCode).toBe(200);
  expect(await ended).toBe(0);
});

test("a second signal stops at once", async () => {
  const server = await start(60_000);
  server.process.kill("SIGTERM");
  await until(() => Promise.resolve(server.output().includes("draining")), 5_000);
  expect(await server.stop("SIGTERM")).toBe(0);
});

test("no worker outlives its server, not even one that was killed", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const server = await start(0);
    const workers = await server.workers();
    expect(workers.length).toBeGreaterThan(0);
    await server.stop(signal);
    await until(() => Promise.resolve(!workers.some(isAlive)), 5_000);
  }
});

/** A process that has ended but was not yet collected is dead. */
function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return false;
  const text = readFileSync(path, "utf8");
  return text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3) !== "Z";
}
