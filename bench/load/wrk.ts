/**
 * Drives `wrk`, the native load generator: one thread unless told, keep-alive, closed loop.
 *
 * Native, because a generator written in JavaScript costs more than the server it measures. Its own
 * CPU time comes from the same accounting as the servers' and decides whether a figure is void.
 */
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** One request that is sent over and over. */
export interface FixedRequest {
  readonly path: string;
  /** File that holds the body. */
  readonly bodyFile: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface WrkLoad {
  readonly port: number;
  readonly request: FixedRequest;
  readonly connections: number;
  /** Whole seconds, 1 or more. */
  readonly seconds: number;
  /** Cores that the generator may use (`1`, `0,1`); `undefined` leaves it to the kernel. */
  readonly cores: string | undefined;
  /** Threads of the generator; 1 unless told. */
  readonly threads?: number | undefined;
}

export interface WrkResult {
  /** Answers of any status. */
  readonly requests: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Answers with a status that is not 2xx or 3xx. */
  readonly refused: number;
  /** Connections that failed, broke or gave no answer in time. */
  readonly broken: number;
  /** CPU time of the generator in the kernel's ticks. */
  readonly ticks: number;
}

const script = join(import.meta.dirname, "post.lua");
const run = promisify(execFile);

/** The version of `wrk`, or `undefined` when it is not installed. */
export function wrkVersion(): string | undefined {
  // `wrk -v` prints its version and exits with 1.
  const { error, stdout } = spawnSync("wrk", ["-v"], { encoding: "utf8" });
  return error === undefined ? stdout.split(" [")[0]?.trim() : undefined;
}

/** Loads the server and says what came back. @throws Error when wrk fails or says nothing */
export async function runWrk(load: WrkLoad): Promise<WrkResult> {
  const { request, cores } = load;
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  const words = [
    ...(cores === undefined ? [] : ["taskset", "-c", cores]),
    ...[
      "wrk",
      `-t${load.threads ?? 1}`,
      `-c${load.connections}`,
      `-d${load.seconds}s`,
      "--timeout=10s",
    ],
    ...["-s", script, `http://127.0.0.1:${load.port}${request.path}`, "--"],
    ...[request.bodyFile, ...headers],
  ];
  const { stdout, stderr } = await run(words[0] ?? "wrk", words.slice(1));
  const line = stdout.split("\n").find((each) => each.startsWith("JSON"));
  if (line === undefined) throw new Error(`wrk gave no result: ${stdout}${stderr}`);
  return JSON.parse(line.slice("JSON".length)) as WrkResult;
}
