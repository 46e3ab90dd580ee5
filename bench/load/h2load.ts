/**
 * Drives `h2load`, the native load generator for HTTP/2: closed loop, many calls on one connection.
 */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

export interface H2Load {
  readonly port: number;
  /** Path of the method. */
  readonly path: string;
  /** File that holds the framed message. */
  readonly bodyFile: string;
  readonly callsInFlight: number;
  /** Whole seconds, 1 or more. */
  readonly seconds: number;
  /** 1 unless told; `callsInFlight` is of each. */
  readonly connections?: number;
  /** Cores that the generator may use; `undefined` leaves it to the kernel. */
  readonly cores?: string;
  /** Threads of the generator; 1 unless told. */
  readonly threads?: number | undefined;
}

export interface H2Result {
  readonly perSecond: number;
  /** Calls that were answered. */
  readonly done: number;
  /** Calls without a 2xx, and those that broke. */
  readonly failed: number;
}

const run = promisify(execFile);

/** True when `h2load` can be started. */
export function hasH2load(): boolean {
  return spawnSync("h2load", ["--version"]).error === undefined;
}

/** Loads the server and says what came back. @throws Error when h2load fails or says nothing */
export async function runH2load(load: H2Load): Promise<H2Result> {
  const words = [
    ...(load.cores === undefined ? [] : ["taskset", "-c", load.cores]),
    ...["h2load", "-c", String(load.connections ?? 1), "-m", String(load.callsInFlight)],
    // Windows of 16 MiB, so that a large reply does not wait for the generator.
    ...["-w", "24", "-W", "24"],
    ...["-t", String(load.threads ?? 1), "-D", String(load.seconds), "-d", load.bodyFile],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers"],
    `http://127.0.0.1:${load.port}${load.path}`,
  ];
  const { stdout } = await run(words[0] ?? "h2load", words.slice(1));
  const perSecond = Number(numberBefore(stdout, " req/s"));
  const failed = Number(numberBefore(stdout, " failed")) + Number(numberBefore(stdout, " errored"));
  const done = Number(numberBefore(stdout, " done"));
  if (Number.isNaN(perSecond + failed + done)) throw new Error(`h2load gave no result: ${stdout}`);
  return { perSecond, failed, done };
}

/** The word ahead of `unit`. */
function numberBefore(text: string, unit: string): string {
  return text.slice(0, text.indexOf(unit)).split(" ").at(-1) ?? "";
}
