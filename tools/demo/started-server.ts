/**
 * Starts the server as a process of its own, as a user would, and waits until it is ready.
 *
 * It gets a process group of its own: Ctrl-C reaches the demo alone, which passes it on once, so
 * the server stops as it does in service. If the demo dies, the server is killed with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { relative, resolve } from "node:path";
import { asShown } from "./terminal.ts";

const root = resolve(import.meta.dirname, "../..");
const portWanted = 8_000;
/** Last characters of the server's output that are kept. */
const outputLengthMax = 64 * 1024;
const pollMs = 50;

export interface StartedServer {
  readonly url: string;
  readonly port: number;
  /** True when port 8000 was taken. */
  readonly isOtherPort: boolean;
  /** Settles with the exit code when the server ends, by itself or not. */
  readonly ended: Promise<number | null>;
  /** What it has written, the last 64 KiB. */
  output(): string;
  /** Shows from now on what the server writes. */
  showOutput(): void;
  /** Stops it as Ctrl-C would and waits; gives the exit code. */
  stop(): Promise<number | null>;
}

/**
 * A path as the user meant it, from the root of the checkout: `npm run` changes the working folder
 * and leaves the old one in INIT_CWD.
 */
export function pathFromRoot(path: string): string {
  return relative(root, resolve(process.env["INIT_CWD"] ?? process.cwd(), path)) || ".";
}

/** The words after `node` that start a server on `path`. */
export function serveWords(path: string, port: number): string[] {
  const where = ["--host", "127.0.0.1", "--port", String(port), "--grpc-port", "0"];
  return ["bin/millrace.js", "serve", path, ...where];
}

/**
 * Starts it, with more words of `serve` where some are given; rejects with its output when it ends
 * before it is ready. One that speaks TLS is ready when it says so.
 */
export async function startServer(
  path: string,
  more: readonly string[] = [],
  { isSecure = false }: { readonly isSecure?: boolean } = {},
): Promise<StartedServer> {
  const port = await freePort(portWanted);
  const child = spawn(process.execPath, [...serveWords(path, port), ...more], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, MILLRACE_LIMITS_DRAIN_DELAY_MS: "0", MILLRACE_LOG_FORMAT: "text" },
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const output = collectOutput(child);
  const ended = new Promise<number | null>((done) => {
    child.once("exit", (code) => {
      process.off("exit", kill);
      done(code);
    });
    child.once("error", () => done(null));
  });
  const url = `http${isSecure ? "s" : ""}://127.0.0.1:${port}`;
  const hasSaidSo = (): Promise<boolean> => Promise.resolve(output.text().includes("serving"));
  await untilReady(isSecure ? hasSaidSo : () => isReady(url), ended, output.text);
  return {
    url,
    port,
    isOtherPort: port !== portWanted,
    ended,
    output: output.text,
    showOutput: output.show,
    async stop() {
      child.kill("SIGINT");
      return await ended;
    },
  };
}

function collectOutput(child: ChildProcess): { text: () => string; show: () => void } {
  let text = "";
  let isShown = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-outputLengthMax);
      if (isShown) process.stderr.write(asShown(chunk.toString()));
    });
  }
  return {
    text: () => text,
    show: () => {
      isShown = true;
    },
  };
}

async function untilReady(
  isUp: () => Promise<boolean>,
  ended: Promise<number | null>,
  output: () => string,
): Promise<void> {
  let exitCode: number | null | undefined;
  void ended.then((code) => {
    exitCode = code;
  });
  for (;;) {
    if (exitCode !== undefined) {
      throw new Error(`the server ended with code ${exitCode}:\n${linesOf(output())}`);
    }
    if (await isUp()) return;
    await new Promise((done) => setTimeout(done, pollMs));
  }
}

/** What the server said, without the stacks below it. */
function linesOf(output: string): string {
  const lines = asShown(output).split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith(" ")).join("\n");
}

async function isReady(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/health/ready`);
    await reply.arrayBuffer();
    return reply.ok;
  } catch {
    return false;
  }
}

async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise<boolean>((done) => {
    server.once("error", () => done(false));
    server.listen({ port, exclusive: true }, () => server.close(() => done(true)));
  });
}

/** `wanted` where it is free, else any. */
export async function freePort(wanted: number): Promise<number> {
  if (await isPortFree(wanted)) return wanted;
  const server = createServer();
  return await new Promise<number>((done, fail) => {
    server.once("error", fail);
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => done(port));
    });
  });
}
