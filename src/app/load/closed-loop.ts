/**
 * Closed loop: each connection sends its next request as soon as it has the answer to the last.
 *
 * Shows the highest throughput and the latency at it; the load falls when the server slows, so it
 * says nothing about callers who do not wait. For those there is the open loop.
 */
import { Connection, type Target } from "./connection.ts";
import type { Measure } from "./measure.ts";

export interface LoopRun {
  readonly target: Target;
  readonly connections: number;
  readonly measure: Measure;
  readonly nowMs: () => number;
  /** Asked after each answer: true ends the loop. */
  readonly isOver: () => boolean;
}

/** Settles when every connection has its last answer. */
export async function runClosedLoop(run: LoopRun): Promise<void> {
  const loops: Promise<void>[] = [];
  for (let index = 0; index < run.connections; index += 1) loops.push(runConnection(run));
  await Promise.all(loops);
}

async function runConnection({ target, measure, nowMs, isOver }: LoopRun): Promise<void> {
  const connection = new Connection(target);
  const { promise, resolve } = Promise.withResolvers<void>();
  let sentAtMs = 0;
  let isFresh = true;
  const next = (): void => {
    if (isOver()) {
      resolve();
      return;
    }
    sentAtMs = nowMs();
    isFresh = measure.isOn;
    connection.send(answered);
  };
  const answered = (status: number): void => {
    // A request that was sent while warming up is not measured.
    if (isFresh) measure.answered(status, nowMs() - sentAtMs);
    // A server that refuses connections would otherwise be asked without a pause.
    if (status === 0) setTimeout(next, 10);
    else next();
  };
  next();
  await promise;
  connection.close();
}
