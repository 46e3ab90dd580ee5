/**
 * What the chaos tests share: models in a folder of their own, the built server on them, its
 * counters, and a command that is expected to end.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type BuiltServer,
  builtMain,
  get,
  type JsonReply,
  post,
  type StartOptions,
  startBuilt,
} from "../support/built-server.ts";

/** Full sizes instead of the short forms. */
export const isFull = process.env["MILLRACE_TEST_FULL"] === "1";

/** Writes models (path below the folder -> bytes) and gives the folder; removed after the test. */
export function writeModels(models: Readonly<Record<string, Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-chaos-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, bytes] of Object.entries(models)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return folder;
}

/** Starts the server; it is stopped after the test if the test has not. */
export async function startServer(
  args: readonly string[],
  options: StartOptions = {},
): Promise<BuiltServer> {
  const server = await startBuilt(args, options);
  onTestFinished(async () => {
    if (server.process.exitCode === null) server.process.kill("SIGKILL");
    await server.stop("SIGKILL");
  });
  return server;
}

/** `--set section.key=value` for each. */
export function setting(values: Readonly<Record<string, number | string>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
}

/** The sum of the samples of a family whose labels contain all of `labels`. */
export async function metric(
  server: BuiltServer,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { text } = await get(`${server.url}/metrics`);
  let sum = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    if (!Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`))) {
      continue;
    }
    sum += Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return sum;
}

/** Batches that the engine was given for `model`, whatever came of them. */
export async function runsOf(server: BuiltServer, model: string): Promise<number> {
  return await metric(server, "millrace_batches_total", { model });
}

/** One tensor in JSON over the protocol. */
export interface ChaosTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export async function infer(
  server: BuiltServer,
  model: string,
  { inputs, headers }: { inputs: readonly ChaosTensor[]; headers?: Record<string, string> },
): Promise<JsonReply> {
  return await post(`${server.url}/v2/models/${model}/infer`, { inputs }, headers);
}

/** `rows` of one number each as the tensor `x`. */
export function column(rows: readonly number[], datatype = "FP32"): ChaosTensor {
  return { name: "x", datatype, shape: [rows.length, 1], data: rows };
}

/** The inputs of the `loop` model. */
export function loopInputs(iterations: number): ChaosTensor[] {
  return [
    { name: "iterations", datatype: "INT64", shape: [], data: [iterations] },
    { name: "x", datatype: "FP32", shape: [], data: [0] },
  ];
}

/** The code in a reply's `x-error-code`, or "". */
export function codeOf(reply: JsonReply): string {
  return reply.headers.get("x-error-code") ?? "";
}

export interface EndedCommand {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the built command line until it ends by itself. @throws after 30 s */
export async function runToEnd(args: readonly string[]): Promise<EndedCommand> {
  const cache = mkdtempSync(join(tmpdir(), "millrace-chaos-cache-"));
  const child = spawn(process.execPath, [builtMain, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, MILLRACE_CACHE_FOLDER: cache },
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += String(chunk);
    });
  }
  const code = await new Promise<number | null>((done) => child.once("close", done));
  rmSync(cache, { recursive: true, force: true });
  return { code, output };
}

/** True while the process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function pause(ms: number): Promise<void> {
  await new Promise((done) => setTimeout(done, ms));
}
