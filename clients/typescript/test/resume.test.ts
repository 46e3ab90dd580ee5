// Goal: a stream that is cut off goes on where it was, each row once and in order; one that cannot
// go on ends with its error. Method: the built client against the built server behind a proxy that
// cuts connections after some bytes; and a small server of the test that never sends a row.
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../../../test/support/built-server.ts";
import { startCuttingProxy } from "../../../test/support/cutting-proxy.ts";
import { createClient } from "./built-client.ts";

let server: BuiltServer;

beforeAll(async () => {
  server = await startBuilt([`${root}/models`]);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** @param cutsMax how many connections are cut, each after 20,000 bytes of what comes back */
async function cuttingProxy(cutsMax: number): Promise<{ url: string; cuts(): number }> {
  const { port, cuts, close } = await startCuttingProxy(server.port, { cutsMax, cutBytes: 20_000 });
  onTestFinished(close);
  return { url: `http://127.0.0.1:${port}`, cuts };
}

const rows = Array.from({ length: 2_000 }, (_, index) =>
  index === 700 ? [1, 2] : [20 + (index % 50), 12, 79.5, 954],
);

type Client = ReturnType<typeof createClient>;

async function read(client: Client, options: object): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const item of client.predictStream("churn", rows, options)) {
    seen.push([item.index, item.error === undefined ? item.probabilities : item.error.code]);
  }
  return seen;
}

test("a stream that is cut off three times gives each row once, in order", async () => {
  const whole = await read(createClient({ url: server.url }), {});
  const { url, cuts } = await cuttingProxy(3);
  let last = { done: 0, failed: 0, total: 0 };
  const onProgress = (progress: typeof last): void => {
    last = progress;
  };
  const client = createClient({ url, retry: { backoffMsMin: 1 } });
  const seen = await read(client, { isResumable: true, onProgress });
  expect(cuts()).toBe(3);
  expect(seen).toHaveLength(rows.length);
  expect(seen).toEqual(whole.toSorted((a, b) => Number(Object(a)[0]) - Number(Object(b)[0])));
  expect(seen[700]).toEqual([700, "INVALID_INPUT"]);
  expect(last).toEqual({ done: 2_000, failed: 1, total: 2_000 });
});

test("without the option a cut ends the stream", async () => {
  const { url } = await cuttingProxy(1);
  const client = createClient({ url, retry: { backoffMsMin: 1 } });
  await expect(read(client, {})).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
});

test("leaving the loop and a deadline end a stream that could go on", async () => {
  const client = createClient({ url: server.url });
  for await (const item of client.predictStream("churn", rows, { isResumable: true })) {
    expect(item.index).toBe(0);
    break;
  }
  const late = async (): Promise<void> => {
    const options = { isResumable: true, timeoutMs: 200 };
    for await (const _ of client.predictStream("churn", rows, options)) {
      await new Promise((done) => setTimeout(done, 300));
    }
  };
  await expect(late()).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

test.each([
  ["is asked for again three times in vain", { "x-stream-id": "s-1" }, 4],
  ["was not kept by the server is not asked for again", {}, 1],
])("a stream that %s ends with CONNECTION_FAILED", async (_, headers, wanted) => {
  const paths: string[] = [];
  const barren = createHttpServer((request, response) => {
    paths.push(`${request.method} ${request.url} ${request.headers["last-event-id"] ?? ""}`);
    response.writeHead(200, { "content-type": "text/event-stream", ...headers }).end();
  });
  await new Promise<void>((done) => barren.listen(0, "127.0.0.1", done));
  onTestFinished(() => void barren.close());
  const url = `http://127.0.0.1:${(barren.address() as AddressInfo).port}`;
  const client = createClient({ url, retry: { backoffMsMin: 1 } });
  const asked = read(client, { isResumable: true });
  await expect(asked).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  expect(paths).toHaveLength(wanted);
  expect(paths.slice(1).every((path) => path === "GET /predict/stream/s-1 ")).toBe(true);
});
