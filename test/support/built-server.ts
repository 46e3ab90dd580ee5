/**
 * Starts the built server as a process of its own and talks to it, for the tests that prove what a
 * user would see.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { get as httpsGet } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
export const builtMain = join(root, "dist/app/main.js");

export interface BuiltServer {
  readonly url: string;
  readonly port: number;
  /** `127.0.0.1:PORT` of the gRPC door. */
  readonly grpc: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Everything the server has written so far. */
  output(): string;
  /** Pids of its worker processes. */
  workers(): Promise<number[]>;
  /** Sends SIGINT and waits for the end; gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** How long to wait for readiness, ms. */
  readonly readyMsMax?: number;
  /** It speaks TLS: what a caller has to show, and whom it trusts. */
  readonly tls?: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  /** Resolve once it listens, ready or not. */
  readonly isLiveEnough?: boolean;
}

/** A test that stops a server has no balancer that must notice first. */
const noDelay = { MILLRACE_LIMITS_DRAIN_DELAY_MS: "0" };

/** Starts `millrace serve` with `args` on a free port and waits until it is ready. */
export async function startBuilt(
  args: readonly string[],
  options: StartOptions = {},
): Promise<BuiltServer> {
  if (!existsSync(builtMain)) throw new Error("dist/ is missing: run `npm run build` first");
  const cache = mkdtempSync(join(tmpdir(), "millrace-e2e-"));
  const child = spawn(
    process.execPath,
    [builtMain, "serve", ...args, "--host", "127.0.0.1", "--port", "0"],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...noDelay, MILLRACE_CACHE_FOLDER: cache, ...options.env },
    },
  );
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    output += String(chunk);
  });
  const ended = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
  const port = await listeningPort(() => output, ended);
  const { tls } = options;
  const url = `http${tls === undefined ? "" : "s"}://127.0.0.1:${port}`;
  const path = options.isLiveEnough === true ? "/health/live" : "/health/ready";
  await until(
    () => (tls === undefined ? fetch(url + path).then(({ ok }) => ok) : isOk(url + path, tls)),
    options.readyMsMax ?? 60_000,
    () => output,
  );
  return {
    url,
    port,
    grpc: /\bgrpc\W+(127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? "",
    pid: child.pid ?? 0,
    process: child,
    output: () => output,
    workers: () => childPids(child.pid ?? 0),
    async stop(signal = "SIGINT") {
      if (child.exitCode === null) child.kill(signal);
      const code = await ended;
      rmSync(cache, { recursive: true, force: true });
      return code;
    },
  };
}

/** True for a 200 over TLS, which `fetch` does not let a caller of its own authority ask for. */
function isOk(url: string, tls: NonNullable<StartOptions["tls"]>): Promise<boolean> {
  return new Promise((done) => {
    const request = httpsGet(url, { ...tls, agent: false }, (reply) => {
      reply.resume();
      done(reply.statusCode === 200);
    });
    request.once("error", () => done(false));
  });
}

async function listeningPort(output: () => string, ended: Promise<unknown>): Promise<number> {
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  let port = 0;
  await until(
    () => {
      if (hasEnded) throw new Error(`the server ended:\n${output()}`);
      const match = /https?:\/\/127\.0\.0\.1:(\d+)/.exec(output());
      port = Number(match?.[1] ?? 0);
      return Promise.resolve(port > 0);
    },
    30_000,
    output,
  );
  return port;
}

/** Polls `isTrue` every 20 ms; throws with `context()` after `msMax`. A throw of `isTrue` ends it
 * only when it is not a refused connection. */
export async function until(
  isTrue: () => Promise<boolean>,
  msMax: number,
  context: () => string = () => "",
): Promise<void> {
  const endMs = performance.now() + msMax;
  for (;;) {
    try {
      if (await isTrue()) return;
    } catch (thrown) {
      if (!(thrown instanceof TypeError)) throw thrown;
    }
    if (performance.now() > endMs) throw new Error(`waited ${msMax} ms in vain:\n${context()}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function childPids(pid: number): Promise<number[]> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

export interface JsonReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  readonly text: string;
}

/** POSTs JSON (or ready text) and reads the JSON reply. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<JsonReply> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: text,
  });
  return await readReply(reply);
}

export async function get(url: string, headers: Record<string, string> = {}): Promise<JsonReply> {
  return await readReply(await fetch(url, { headers }));
}

async function readReply(reply: Response): Promise<JsonReply> {
  const text = await reply.text();
  const isJson = (reply.headers.get("content-type") ?? "").startsWith("application/json");
  const body: unknown = isJson && text !== "" ? JSON.parse(text) : undefined;
  return { status: reply.status, headers: reply.headers, body, text };
}
