/** Starts the built server, all defaults on, and places its workers where a comparison asks. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { FixedRequest } from "../load/wrk.ts";
import { processTree } from "../machine/process-tree.ts";
import { askOnce } from "../machine/started-process.ts";
import type { Stage } from "../stage.ts";
import { type RunningServer, startServer } from "./running-server.ts";

export interface MillracePlan {
  /** Model files or folders, in order. */
  readonly models: readonly string[];
  readonly first: FixedRequest;
  /** Name of the side; `millrace` unless told. */
  readonly name?: string;
  /** Cores for all its processes; `undefined` leaves it to the kernel. */
  readonly cores?: string;
  /** Cores for the workers alone, set once they run. */
  readonly workerCores?: string;
  /** More flags of `serve`. */
  readonly flags?: readonly string[];
  /** More flags of Node. */
  readonly nodeFlags?: readonly string[];
  readonly everyMs?: number;
}

/** @throws Error when the server is not built or does not answer */
export async function startMillrace(stage: Stage, plan: MillracePlan): Promise<RunningServer> {
  const { server } = stage.options;
  if (!existsSync(server)) throw new Error(`${server} does not exist: run "npm run build"`);
  const running = await startServer(stage, {
    name: plan.name ?? "millrace",
    command: (port) => [
      ...[process.execPath, ...(plan.nodeFlags ?? []), server, "serve", ...plan.models],
      ...["--port", String(port), "--host", "127.0.0.1", "--grpc-port", "0"],
      ...(plan.flags ?? []),
    ],
    cores: plan.cores,
    first: plan.first,
    ...(plan.everyMs === undefined ? {} : { everyMs: plan.everyMs }),
  });
  if (plan.workerCores !== undefined) placeWorkers(running.pid, plan.workerCores);
  return running;
}

/** Moves every process below the front, with all its threads, to `cores`. */
function placeWorkers(front: number, cores: string): void {
  const workers = processTree(front).slice(1);
  if (workers.length === 0) throw new Error("the server has no worker process to place");
  for (const worker of workers) {
    execFileSync("taskset", ["-a", "-p", "-c", cores, String(worker)], { stdio: "ignore" });
  }
}

export interface RunCounts {
  readonly items: number;
  readonly runs: number;
}

/** How many items went into how many runs of the engine so far, from the model's statistics. */
export async function runCounts(port: number, model: string): Promise<RunCounts> {
  const { body } = await askOnce({ port, path: `/v2/models/${model}/stats` });
  const { model_stats: all } = JSON.parse(body.toString()) as {
    model_stats: { inference_count: number; execution_count: number }[];
  };
  const stats = all[0];
  if (stats === undefined) throw new Error(`no statistics of ${model}`);
  return { items: stats.inference_count, runs: stats.execution_count };
}
