/** The pacing thread of the open-loop client: sleeps until each instant and says its number. */
import { parentPort, workerData } from "node:worker_threads";
import type { Pace } from "./open-loop.ts";

const pace = workerData as Pace;
const never = new Int32Array(new SharedArrayBuffer(4));

for (const [turn, atMs] of pace.atMs.entries()) {
  const restMs = atMs - Number(process.hrtime.bigint()) / 1e6;
  if (restMs > 0) Atomics.wait(never, 0, 0, restMs);
  parentPort?.postMessage(turn);
}
