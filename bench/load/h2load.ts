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
  /** Cores that the generator may use. */
  readonly cores: string;
}

export interface H2Result {
  readonly perSecond: number;
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
    ...["-c", load.cores, "h2load", "-c", "1", "-m", String(load.callsInFlight)],
    ...["-D", String(load.seconds), "--warm-up-time=1", "-d", load.bodyFile],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers"],
    `http://127.0.0.1:${load.port}${load.path}`,
  ];
  const { stdout } = await run("taskset", words);
  const perSecond = Number(numberBefore(stdout, " req/s"));
  const failed = Number(numberBefore(stdout, " failed")) + Number(numberBefore(stdout, " errored"));
  if (Number.isNaN(perSecond + failed)) throw new Error(`h2load gave no result: ${stdout}`);
  return { perSecond, failed };
}

/** The word ahead of `unit`. */
function numberBefore(text: string, unit: string): string {
  return text.slice(0, text.indexOf(unit)).split(" ").at(-1) ?? "";
}
