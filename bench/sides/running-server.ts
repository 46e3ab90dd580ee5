/** A server that answers: where, with which processes, and what it said first. */
import { readFileSync } from "node:fs";
import type { FixedRequest } from "../load/wrk.ts";
import {
  firstAnswer,
  freePort,
  type ProcessPlan,
  type StartedProcess,
} from "../machine/started-process.ts";
import type { Stage } from "../stage.ts";

export interface RunningServer {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** The body of the first answer. */
  readonly answer: Buffer;
  /** Milliseconds from before the process was started to that answer. */
  readonly startMs: number;
  stop(): Promise<void>;
}

export interface ServerPlan extends Omit<ProcessPlan, "logFolder" | "command"> {
  /** The command for the port that was chosen. */
  command(port: number): readonly string[];
  /** The request whose first 200 means that it runs. */
  readonly first: FixedRequest;
  /** How often it is asked, in ms; 10 unless told. */
  readonly everyMs?: number;
}

/** Starts a server on a free port, also given as `PORT`, and waits for its first answer. */
export async function startServer(stage: Stage, plan: ServerPlan): Promise<RunningServer> {
  const port = await freePort();
  const body = readFileSync(plan.first.bodyFile);
  const startedAtMs = performance.now();
  const started: StartedProcess = await stage.start({
    ...plan,
    command: plan.command(port),
    env: { ...plan.env, PORT: String(port) },
  });
  const probe = { port, path: plan.first.path, headers: plan.first.headers, body };
  const answer = await firstAnswer(started, probe, plan.everyMs);
  const startMs = performance.now() - startedAtMs;
  return { name: plan.name, pid: started.pid, port, answer, startMs, stop: started.stop };
}
