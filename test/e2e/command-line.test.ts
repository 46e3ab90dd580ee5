// Goal: the command says what is wrong with the promised exit code, and answers on stdout alone.
// Method: the built command as a process.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { builtMain, root, startBuilt } from "../support/built-server.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-cli-"));
const churn = join(root, "models/churn");

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(words: readonly string[], input = ""): Promise<Ended> {
  const env = { ...process.env, MILLRACE_CACHE_FOLDER: folder };
  const child = spawn(process.execPath, [builtMain, ...words], { cwd: folder, env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (part) => {
    said.stdout += String(part);
  });
  child.stderr.on("data", (part) => {
    said.stderr += String(part);
  });
  child.stdin.end(input);
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, ...said };
}

test("help and version are no fault; an unknown command is, with a suggestion", async () => {
  for (const words of [["--help"], ["serve", "--help"], ["bench", "--help"], ["--version"]]) {
    expect((await run(words)).code).toBe(0);
  }
  const wrong = await run(["sreve"]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("Did you mean serve?");
});

test("a wrong configuration names every problem with file and line, exit code 2", async () => {
  const file = join(folder, "wrong.yaml");
  writeFileSync(file, "server:\n  prt: 80\nlimits:\n  rankMax: 1000\n");
  const ended = await run(["serve", churn, "--config", file, "--log-level", "loud"]);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain(`${file} line 2: server: unknown key 'prt'; did you mean 'port'?`);
  expect(ended.stderr).toContain(`${file} line 4: limits.rankMax: got 1000, expected at most 64`);
  expect(ended.stderr).toContain("flag --log-level: log.level: got 'loud'");
});

test("--print-config shows values and where they come from, and starts nothing", async () => {
  const ended = await run(["serve", churn, "--port", "81", "--print-config"]);
  expect(ended.code).toBe(0);
  expect(ended.stdout).toMatch(/port: 81 +# flag --port/);
  expect(ended.stdout).toMatch(/host: "0\.0\.0\.0" +# default/);
});

test("a model that cannot be served ends the start with exit code 1 and the reason", async () => {
  const file = join(folder, "broken.onnx");
  writeFileSync(file, "junk");
  const ended = await run(["serve", file, "--port", "0"]);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("failed to load 'broken'");
});

test("a port that is taken is explained", async () => {
  const server = await startBuilt([churn], { env: { MILLRACE_LIMITS_DRAIN_DELAY_MS: "0" } });
  const words = ["serve", churn, "--host", "127.0.0.1", "--port", String(server.port)];
  const ended = await run(words);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain(`port ${server.port} is taken`);
  expect(await server.stop()).toBe(0);
});

test("inspect tells signature and labels, as a table and as JSON", async () => {
  const table = await run(["inspect", churn]);
  expect(table.code).toBe(0);
  expect(table.stdout).toContain("age, tenure, monthly_charges, total_charges");
  const json = await run(["inspect", churn, "--json"]);
  const content: unknown = JSON.parse(json.stdout);
  expect(content).toMatchObject({
    models: [{ name: "churn", outputs: [{}, { labels: ["0", "1"] }] }],
  });
});

test("predict answers a row from stdin alike by file and by server", async () => {
  const row = "[5, 3, 70, 200]";
  const byFile = await run(["predict", churn, "--input", "-"], row);
  expect(byFile.code, byFile.stderr).toBe(0);
  const server = await startBuilt([churn], { env: { MILLRACE_LIMITS_DRAIN_DELAY_MS: "0" } });
  const words = ["predict", "churn", "--url", server.url, "--input", "-"];
  const byServer = await run(words, row);
  const [left, right] = [byFile, byServer].map(({ stdout }) => JSON.parse(stdout));
  expect({ ...left, latency_ms: 0 }).toEqual({ ...right, latency_ms: 0 });
  const refused = await run(words, '{"age":1}');
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toContain("400 INVALID_INPUT: tenure");
  await server.stop();
});

test("an open loop shows a stall to every request that was due in it", async () => {
  let stallEndMs = 0;
  let answered = 0;
  const server = createServer((request, response) => {
    answered += 1;
    if (answered === 60) stallEndMs = performance.now() + 600;
    request.resume();
    setTimeout(() => response.end("{}"), Math.max(0, stallEndMs - performance.now()));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/predict`;
  const body = join(folder, "body.json");
  writeFileSync(body, "{}");
  const load = ["bench", url, "--input", body, "--rate", "200", "-c", "1", "--warmup", "0"];
  const { latency_ms } = JSON.parse((await run([...load, "-d", "1.2", "--json"])).stdout);
  server.close();
  // One connection alone would have met the stall once: p95 would be that of a quick answer.
  expect(latency_ms.p95).toBeGreaterThan(250);
});

test("bench measures closed and open loops and gives JSON", async () => {
  const closed = await run(["bench", churn, "-n", "200", "--warmup", "0.1", "--json"]);
  expect(closed.code, closed.stderr).toBe(0);
  expect(JSON.parse(closed.stdout)).toMatchObject({ mode: "closed", errors: 0 });
  const open = ["bench", churn, "--rate", "200", "-d", "1", "--warmup", "0.1", "--json"];
  const figures = JSON.parse((await run(open)).stdout);
  expect(figures).toMatchObject({ mode: "open", errors: 0, dropped: 0 });
  expect(figures.requests).toBeGreaterThan(100);
});
