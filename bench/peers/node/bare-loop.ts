/**
 * ONNX Runtime with nothing round it: one session, one thread, one run after the other.
 *
 * Told over the process channel what to run. `runsPerSecond` makes it the unrelated neighbour that
 * burns CPU at fixed times; without it the loop runs as fast as it can.
 */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { seededRandom } from "../../../src/base/index.ts";

/** One order for the loop; it answers with a `LoopReport`. */
export interface LoopOrder {
  readonly seconds: number;
  /** Items of one run. */
  readonly rows: number;
  /** Elements of one item. */
  readonly width: number;
  /** The values: the last `rows * width` float32 of a request's body; seeded noise without one. */
  readonly bodyFile?: string;
  readonly runsPerSecond?: number;
}

export interface LoopReport {
  readonly runs: number;
  readonly seconds: number;
}

const session = await InferenceSession.create(process.env["MODEL"] ?? "", {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const input = session.inputNames[0] ?? "";

async function obey(order: LoopOrder): Promise<LoopReport> {
  const values = valuesOf(order);
  const feeds = { [input]: new Tensor("float32", values, [order.rows, order.width]) };
  const startMs = performance.now();
  const endMs = startMs + order.seconds * 1_000;
  let runs = 0;
  while (performance.now() < endMs) {
    await session.run(feeds);
    runs += 1;
    if (order.runsPerSecond === undefined) continue;
    const dueMs = startMs + (runs / order.runsPerSecond) * 1_000;
    await pause(Math.max(0, Math.min(dueMs, endMs) - performance.now()));
  }
  return { runs, seconds: (performance.now() - startMs) / 1_000 };
}

/** What one run is fed. A tree costs what its branches cost, so it matters which rows they are. */
function valuesOf({ rows, width, bodyFile }: LoopOrder): Float32Array {
  if (bodyFile === undefined) {
    const random = seededRandom(7);
    return Float32Array.from({ length: rows * width }, () => random.next());
  }
  const body = readFileSync(bodyFile);
  const bytes = new Uint8Array(body.subarray(body.length - rows * width * 4));
  return new Float32Array(bytes.buffer);
}

process.on("message", (order: LoopOrder) => {
  obey(order).then(
    (report) => process.send?.(report),
    () => process.exit(1),
  );
});
process.send?.("ready");
