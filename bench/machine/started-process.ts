/**
 * Starts a server in a process group of its own, waits for its first answer, and ends it.
 *
 * A group of its own, so that whatever the server started ends with it, also when the bench is
 * interrupted. Only groups that this file started are ever signalled.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface ProcessPlan {
  /** Names the log file. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Cores for the whole tree (`0`, `0,1`); `undefined` leaves it to the kernel. */
  readonly cores?: string | undefined;
  /** Where the log goes. */
  readonly logFolder: string;
  /** True gives a channel for messages to a Node process. */
  readonly hasChannel?: boolean;
}

export interface StartedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly logFile: string;
  /** Interrupts it, and kills the group when it has not ended after some seconds. */
  stop(): Promise<void>;
}

const stopMsMax = 8_000;
/** Groups that are still alive; at most the sides of one comparison. */
const groups = new Set<number>();

process.on("exit", () => {
  for (const group of groups) killGroup(group);
});

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // The group has ended already, which is what was wanted.
  }
}

/** @throws Error when the program cannot be started */
export async function startProcess(plan: ProcessPlan): Promise<StartedProcess> {
  mkdirSync(plan.logFolder, { recursive: true });
  const logFile = join(plan.logFolder, `${plan.name}.log`);
  const log = openSync(logFile, "w");
  const pinned = plan.cores === undefined ? [] : ["taskset", "-c", plan.cores];
  const [program = "", ...words] = [...pinned, ...plan.command];
  const child = spawn(program, words, {
    detached: true,
    env: { ...process.env, ...plan.env },
    stdio: plan.hasChannel === true ? ["ignore", log, log, "ipc"] : ["ignore", log, log],
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${plan.name} has no process id`);
  groups.add(pid);
  return { pid, child, logFile, stop: () => stopProcess(child, pid) };
}

async function stopProcess(child: ChildProcess, pid: number): Promise<void> {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  if (!hasEnded()) {
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGINT");
    await Promise.race([ended, pause(stopMsMax, undefined, { ref: false })]);
  }
  killGroup(pid);
  groups.delete(pid);
  // The sockets of a killed tree are closed a moment later.
  await pause(100);
}

/** A TCP port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

export interface Probe {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

const agent = new Agent({ keepAlive: false });

/** One request on a connection of its own. @throws Error when the server cannot be reached */
export function askOnce(probe: Probe): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { port, path, headers, body } = probe;
    const method = probe.method ?? (body === undefined ? "GET" : "POST");
    const options = { host: "127.0.0.1", port, path, method, agent, timeout: 10_000 };
    const sent = httpRequest({ ...options, headers: headers ?? {} }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on("data", (chunk: Buffer) => chunks.push(chunk));
      reply.on("end", () =>
        resolve({ status: reply.statusCode ?? 0, body: Buffer.concat(chunks) }),
      );
      reply.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer in 10 s")));
    sent.on("error", reject);
    sent.end(body);
  });
}

const readyMsMax = 120_000;

/**
 * Asks until the answer is 200, every `everyMs`.
 *
 * @throws Error with the last lines of its log when the process ends or the time is over
 */
export async function firstAnswer(
  started: StartedProcess,
  probe: Probe,
  everyMs = 10,
): Promise<Buffer> {
  const endAtMs = performance.now() + readyMsMax;
  let last = "nothing was answered";
  while (performance.now() < endAtMs && started.child.exitCode === null) {
    try {
      const { status, body } = await askOnce(probe);
      if (status === 200) return body;
      last = `${status} ${body.toString().slice(0, 300)}`;
    } catch (thrown) {
      last = String(thrown);
    }
    await pause(everyMs);
  }
  const log = readFileSync(started.logFile, "utf8").trim().split("\n").slice(-8).join("\n");
  throw new Error(`${started.logFile}: no answer of 200 (${last})\n${log}`);
}
