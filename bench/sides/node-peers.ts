/** Starts the peers written for Node; they run on the same Node as the server. */
import { join } from "node:path";
import type { FixedRequest } from "../load/wrk.ts";
import { root, type Stage } from "../stage.ts";
import { type RunningServer, startServer } from "./running-server.ts";

const folder = join(root, "bench", "peers", "node");

export interface PeerPlan {
  readonly first: FixedRequest;
  /** The model file, for a peer that has one. */
  readonly model?: string;
  readonly cores?: string;
  /** How often it is asked until it answers, in ms; 10 unless told. */
  readonly everyMs?: number;
}

/** `constant`: `node:http`, parses, answers a constant. `naive`: Fastify and ONNX Runtime. `relay`:
 *  an echo through a child process. */
export type NodePeer = "constant" | "naive" | "relay";

export function startNodePeer(stage: Stage, name: NodePeer, plan: PeerPlan) {
  return startServer(stage, {
    name,
    command: () => [process.execPath, join(folder, `${name}.ts`)],
    env: plan.model === undefined ? {} : { MODEL: plan.model },
    cores: plan.cores,
    first: plan.first,
    ...(plan.everyMs === undefined ? {} : { everyMs: plan.everyMs }),
  });
}

/** @throws Error when two servers of the same model say different things */
export function mustAgree(a: RunningServer, b: RunningServer): void {
  const [mine, theirs] = [predictionOf(a.answer), predictionOf(b.answer)];
  if (mine === theirs) return;
  throw new Error(`${a.name} answers ${mine.slice(0, 80)}, ${b.name} ${theirs.slice(0, 80)}`);
}

function predictionOf(answer: Buffer): string {
  const body = JSON.parse(answer.toString()) as { prediction?: unknown; predictions?: unknown };
  return JSON.stringify(body.prediction ?? body.predictions ?? null);
}
