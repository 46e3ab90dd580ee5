/**
 * What `bench` sends, and where: the request's bytes from a URL or from a model's path.
 *
 * For a path the server is started as a process of its own, as it would run for others, on a
 * loopback port; it is stopped at the end. Without `--input` the body is the example that the
 * server gives of its own model (`GET /models/M`).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Target } from "../load/connection.ts";
import { CommandError, exitCodes } from "../terminal.ts";
import { type RequestBody, readInput } from "./read-input.ts";

export interface TargetOptions {
  readonly model?: string;
  readonly input?: string;
}

/** Where requests go. @throws CommandError when the server does not answer or has no example */
export async function targetOf(address: string, options: TargetOptions): Promise<Target> {
  const url = parseUrl(address);
  const body =
    options.input === undefined ? await exampleOf(url, options) : await readInput(options.input);
  const isBase = url.pathname === "/" || url.pathname === "";
  const path = isBase ? await routeOf(url, body, options) : url.pathname + url.search;
  const text = Buffer.from(body.text, "utf8");
  const head =
    `POST ${path} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\n` +
    `content-length: ${text.length}\r\n\r\n`;
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  return {
    host,
    port: url.port === "" ? 80 : Number(url.port),
    bytes: Buffer.concat([Buffer.from(head, "latin1"), text]),
  };
}

function parseUrl(address: string): URL {
  const url = URL.parse(address);
  if (url === null || url.protocol !== "http:") {
    const message = `${address}: expected http://HOST:PORT; https is not measured`;
    throw new CommandError(message, exitCodes.usage);
  }
  return url;
}

async function routeOf(url: URL, body: RequestBody, options: TargetOptions): Promise<string> {
  const model = encodeURIComponent(options.model ?? (await onlyModel(url)));
  return body.dialect === "oip" ? `/v2/models/${model}/infer` : `/predict?model=${model}`;
}

async function exampleOf(url: URL, options: TargetOptions): Promise<RequestBody> {
  const model = options.model ?? url.searchParams.get("model") ?? (await onlyModel(url));
  const details = await getJson(new URL(`/models/${encodeURIComponent(model)}`, url));
  if ("example" in details && typeof details.example === "object") {
    return { dialect: "simple", text: JSON.stringify(details.example) };
  }
  const message = `the server has no example of '${model}': name a body with --input`;
  throw new CommandError(message, exitCodes.usage);
}

async function onlyModel(url: URL): Promise<string> {
  const names = Object.keys(await getJson(new URL("/models", url)));
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  const list = names.slice(0, 8).join(", ");
  throw new CommandError(`name a model with --model: the server has ${list}`, exitCodes.usage);
}

async function getJson(url: URL): Promise<object> {
  try {
    const reply = await fetch(url);
    const content: unknown = await reply.json();
    if (reply.ok && typeof content === "object" && content !== null) return content;
    throw new CommandError(`${url} answered ${reply.status}`);
  } catch (thrown) {
    if (thrown instanceof CommandError) throw thrown;
    throw new CommandError(`${url} does not answer as Millrace does`);
  }
}

export interface OwnServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server of our own for a model's path. @throws CommandError when it does not start */
export async function startOwnServer(path: string): Promise<OwnServer> {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const main = fileURLToPath(new URL(`../main.${suffix}`, import.meta.url));
  const settings = ["--host", "127.0.0.1", "--port", "0", "--log-format", "json"];
  const words = ["serve", path, ...settings, "--log-level", "info"];
  const child = spawn(process.execPath, [main, ...words, "--set", "limits.drainDelayMs=0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = await servingUrl(child);
  return {
    url,
    async stop() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function servingUrl(child: ChildProcess): Promise<string> {
  const errors: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once("exit", () => reject(new CommandError(errors.join("\n"))));
  if (child.stderr === null) throw new CommandError("the server has no output");
  createInterface({ input: child.stderr }).on("line", (line) => {
    const entry = parseLine(line);
    if (entry?.message === "serving") resolve(entry.url ?? "");
    if (entry?.level !== "info" && errors.length < 10) errors.push(entry?.message ?? line);
  });
  return await promise;
}

interface LogLine {
  readonly level?: string;
  readonly message?: string;
  readonly url?: string;
}

function parseLine(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // Not a line of the log: shown as it is when the start fails.
    return undefined;
  }
}
