// Goal: the built client runs as it is in every runtime that is here: Node, the system's own Node,
// Deno, Bun.
// Method: one script in each of them against the built server; what is not on the PATH is skipped.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../../../test/support/built-server.ts";
import { clientFolder } from "./built-client.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-runtimes-"));
const file = join(folder, "script.mjs");
let server: BuiltServer;

function script(url: string): string {
  return `
const { createClient } = await import("${pathToFileURL(join(clientFolder, "dist/index.js")).href}");
const grpc = await import("${pathToFileURL(join(clientFolder, "dist/grpc/index.js")).href}");
const client = createClient({ url: "${url}" });
const row = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };
const code = (error) => error.code;
const one = await client.predict("churn", row);
const features = { shape: [1, 4], data: Float32Array.of(45, 12, 79.5, 954) };
const { outputs } = await client.infer("churn", { features });
const streamed = [];
for await (const item of client.predictStream("sentiment", ["love it", "so bad"])) {
  streamed[item.index] = item.prediction;
}
const nowhere = { url: "http://127.0.0.1:9", retry: { attemptsMax: 1 } };
console.log(JSON.stringify([
  one.prediction,
  String(outputs.label.data[0]),
  streamed,
  await client.predict("churn", { ...row, age: 451 }).catch(code),
  await client.predict("churn", row, { signal: AbortSignal.abort() }).catch(code),
  await createClient(nowhere).predict("churn", row).catch(code),
  await grpc.createGrpcClient(nowhere).ready().catch(code),
]));`;
}

const wanted = [
  1,
  "1",
  ["positive", "negative"],
  "INVALID_INPUT",
  "CANCELLED",
  "CONNECTION_FAILED",
  "CONNECTION_FAILED",
];

/** Standard output, or `undefined` when the command is not there. */
function run(command: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((done, fail) => {
    execFile(command, words, { timeout: 60_000 }, (error, stdout) => {
      if (error === null) done(stdout);
      else if (error.code === "ENOENT") done(undefined);
      else fail(error);
    });
  });
}

beforeAll(async () => {
  server = await startBuilt([join(root, "models")]);
  writeFileSync(file, script(server.url));
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const runtimes: readonly (readonly [name: string, command: string, ...words: string[]])[] = [
  ["this Node", process.execPath],
  ["the system's Node", "/usr/bin/node"],
  ["Deno", process.env["MILLRACE_DENO"] ?? "deno", "run", "-A"],
  ["Bun", process.env["MILLRACE_BUN"] ?? "bun", "run"],
];

for (const [name, command, ...words] of runtimes) {
  test(`predicts, infers, streams and fails in ${name}`, async (context) => {
    const output = await run(command, [...words, file]);
    if (output === undefined) context.skip(`skipped: ${name} (${command}) is not there`);
    else expect(JSON.parse(output)).toEqual(wanted);
  });
}
