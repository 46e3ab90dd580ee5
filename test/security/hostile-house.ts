/**
 * A built server under attack: models to attack, a watch on its health, and how a case must end.
 *
 * Every hostile case ends with the same questions: is the server live and ready, does it answer one
 * request right, is its memory back, did it say 5xx or log a fault of its own. `endsWell` asks them
 * all. A probe samples liveness and memory all the while.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import { identity } from "../../tools/onnx/models.ts";
import {
  type BuiltServer,
  post,
  root,
  type StartOptions,
  startBuilt,
  until,
} from "../support/built-server.ts";
import { residentBytes } from "../support/process-figures.ts";

const mi = 1024 * 1024;

/** The allowed growth of resident memory, byte. */
const growthBytesMax = 32 * mi;

export const isFull = process.env["MILLRACE_TEST_FULL"] !== undefined;
export const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_261_121);
/** The command that replays a random test. */
export const replay = `MILLRACE_TEST_SEED=${seed}`;
export const demoModels = join(root, "models");

/** Files below a repository, by path. */
export type RepositoryFiles = Readonly<Record<string, Uint8Array | string>>;

/** A repository in a folder of its own; `row` (FP32 [batch, 4], echoed) is always there. */
export function makeRepository(files: RepositoryFiles = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-hostile-"));
  const all = { "row/1/model.onnx": identity("FP32", ["batch", 4]), ...files };
  for (const [path, bytes] of Object.entries(all)) {
    const target = join(folder, path);
    mkdirSync(join(target, ".."), { recursive: true });
    writeFileSync(target, bytes);
  }
  return folder;
}

export interface HouseOptions extends StartOptions {
  /** Further models. */
  readonly files?: RepositoryFiles;
  /** Puts what is no plain file into the repository. */
  readonly prepare?: (folder: string) => void;
  /** Further words of the command line. */
  readonly args?: readonly string[];
  /** `limits.` settings. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Resident memory that the parent and its workers may have grown by, byte. */
  readonly growthBytesMax?: number;
}

/** The C library hands freed blocks back at once instead of keeping what large bodies took. */
const memorySettings = { MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "131072" };

export interface EndRules {
  /** 5xx codes that the case may have caused; INTERNAL is never among them. */
  readonly allowed?: readonly string[];
}

export interface House extends BuiltServer {
  readonly folder: string;
  /** Asserts that the server is as it was. */
  endsWell(rules?: EndRules): Promise<void>;
  close(): Promise<void>;
}

const correct = { inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2.5, -3, 4] }] };

/**
 * Starts the server on a repository, warms it up and begins to watch it.
 *
 * Bodies are parsed on the loop unless `limits.jsonInlineBytesMax` says otherwise: what lies in a
 * parsing thread is collected when that thread likes to, so it would blur the memory check.
 */
export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const folder = makeRepository(options.files);
  options.prepare?.(folder);
  const given = { drainDelayMs: 0, jsonInlineBytesMax: 8 * mi, ...options.limits };
  const limits = Object.entries(given).flatMap(([name, value]) => [
    "--set",
    `limits.${name}=${value}`,
  ]);
  const collect = pathToFileURL(join(import.meta.dirname, "collect-garbage.ts")).href;
  const env = { ...memorySettings, ...options.env, NODE_OPTIONS: `--import=${collect}` };
  const words = [folder, ...limits, ...(options.args ?? [])];
  const server = await startBuilt(words, { ...options, env });
  await warmUp(server);
  const beforeBytes = await settledBytes(server);
  const probe = startProbe(server);
  const allowedGrowth = options.growthBytesMax ?? growthBytesMax;
  return Object.assign(Object.create(server) as BuiltServer, {
    folder,
    async endsWell(rules: EndRules = {}): Promise<void> {
      await answersRight(server, rules);
      expect(probe.failures, "failed probes of /health/live").toEqual([]);
      let grown = 0;
      await until(
        async () => {
          grown = (await settledBytes(server)) - beforeBytes;
          return grown <= allowedGrowth;
        },
        10_000,
        () => `${Math.round(grown / mi)} MiB more than before, ${allowedGrowth / mi} are allowed`,
      );
    },
    async close(): Promise<void> {
      probe.stop();
      await server.stop("SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

/** A figure of `/metrics` by its whole name; 0 while it counts nothing. */
export async function metricOf(server: BuiltServer, name: string): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  const line = page.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}

/** Many small bodies and some large ones, so that the heap has its size. */
async function warmUp(server: BuiltServer): Promise<void> {
  const url = `${server.url}/v2/models/row/infer`;
  for (let round = 0; round < 12; round += 1) {
    await Promise.all(Array.from({ length: 50 }, () => post(url, correct)));
  }
  const input = { name: "x", shape: [50_000, 4], datatype: "FP32" };
  const tooMany = JSON.stringify({
    inputs: [{ ...input, data: new Array<number>(200_000).fill(1.234_567) }],
  });
  for (let round = 0; round < 4; round += 1) {
    await Promise.all([post(url, tooMany), post(url, tooMany)]);
  }
}

/** Resident memory after a collection, byte. */
async function settledBytes(server: BuiltServer): Promise<number> {
  process.kill(server.pid, "SIGUSR2");
  await new Promise((done) => setTimeout(done, 100));
  await (await fetch(`${server.url}/health/live`)).text();
  return residentBytes(server.pid);
}

/** Live, ready, one correct answer, no fault of ours counted or logged. */
async function answersRight(server: BuiltServer, rules: EndRules): Promise<void> {
  expect(server.process.exitCode, server.output()).toBeNull();
  for (const path of ["/health/live", "/health/ready"]) {
    const reply = await fetch(server.url + path);
    expect([path, reply.status]).toEqual([path, 200]);
  }
  const { status, body } = await post(`${server.url}/v2/models/row/infer`, correct);
  expect(status).toBe(200);
  expect(body).toMatchObject({ outputs: [{ name: "y", data: [1, 2.5, -3, 4] }] });
  const page = await (await fetch(`${server.url}/metrics`)).text();
  const faults = page
    .split("\n")
    .filter((line) => line.startsWith("millrace_requests_total{"))
    .map((line) => /code="([A-Z_]+)"/.exec(line)?.[1] ?? "")
    .filter((code) => serverFaults.has(code) && !(rules.allowed ?? []).includes(code));
  expect(faults, server.output()).toEqual([]);
  expect(server.output()).not.toMatch(/a fault of ours|heap out of memory|FATAL/);
}

const serverFaults: ReadonlySet<string> = new Set([
  "INTERNAL",
  "MODEL_OUTPUT_INVALID",
  "QUEUE_FULL",
  "OVERLOADED",
  "SERVER_NOT_READY",
  "MODEL_NOT_READY",
  "DRAINING",
  "WORKER_LOST",
  "ENGINE_TIMEOUT",
  "DEADLINE_EXCEEDED",
  "MEMORY_EXHAUSTED",
]);

interface Probe {
  readonly failures: string[];
  stop(): void;
}

/** Asks for liveness every 100 ms, each time on a connection of its own. */
function startProbe(server: BuiltServer): Probe {
  const failures: string[] = [];
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    fetch(`${server.url}/health/live`, { headers: { connection: "close" } })
      .then(
        (reply) => {
          if (!reply.ok) failures.push(`status ${reply.status}`);
        },
        (thrown: Error) => failures.push(String(thrown.cause ?? thrown)),
      )
      .finally(() => {
        isBusy = false;
      });
  }, 100);
  return { failures, stop: () => clearInterval(timer) };
}
