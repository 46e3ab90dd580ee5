/**
 * Open loop: requests are due at instants that no answer can move.
 *
 * A request that finds all connections busy waits here, and its wait counts: latency runs from the
 * instant it was due. So a server that stalls for a second shows a second, not one slow request (no
 * coordinated omission; G. Tene, "How NOT to Measure Latency"). Between due instants the loop
 * spins when the next one is nearer than a timer can hit (2 ms).
 */
import { type ArrivalPlan, Arrivals } from "./arrivals.ts";
import type { LoopRun } from "./closed-loop.ts";
import { Connection } from "./connection.ts";

export interface OpenLoopRun extends LoopRun {
  readonly arrivals: ArrivalPlan;
}

/** Requests that may wait for a connection; what is due beyond is dropped and counted. */
const waitingMax = 1_000_000;
const spinMs = 2;
/** How long unanswered requests are waited for at the end. */
const lastMsMax = 30_000;

/** Settles when what was sent is answered, or 30 s after the end. */
export async function runOpenLoop(run: OpenLoopRun): Promise<void> {
  const loop = new OpenLoop(run);
  await loop.run();
}

class OpenLoop {
  readonly #run: OpenLoopRun;
  readonly #arrivals: Arrivals;
  /** At most `connections`. */
  readonly #idle: Connection[] = [];
  /** Due instants of requests that wait, oldest first from `#head`; at most `waitingMax`. */
  #waiting: number[] = [];
  #head = 0;
  #busy = 0;
  #opened = 0;

  constructor(run: OpenLoopRun) {
    this.#run = run;
    this.#arrivals = new Arrivals(run.arrivals, run.nowMs());
  }

  async run(): Promise<void> {
    const { nowMs, isOver } = this.#run;
    while (!isOver()) {
      const now = nowMs();
      while (this.#arrivals.nextAtMs <= now) this.#due(this.#arrivals.take());
      const restMs = this.#arrivals.nextAtMs - nowMs();
      await pause(restMs > spinMs ? restMs - 1 : 0);
    }
    const endMs = nowMs() + lastMsMax;
    while ((this.#busy > 0 || this.#waitingCount > 0) && nowMs() < endMs) await pause(5);
    for (const connection of this.#idle) connection.close();
  }

  get #waitingCount(): number {
    return this.#waiting.length - this.#head;
  }

  #due(dueAtMs: number): void {
    const connection = this.#idle.pop() ?? this.#another();
    if (connection !== undefined) this.#send(connection, dueAtMs);
    else if (this.#waitingCount < waitingMax) this.#waiting.push(dueAtMs);
    else this.#run.measure.dropped += 1;
  }

  #another(): Connection | undefined {
    if (this.#opened >= this.#run.connections) return undefined;
    this.#opened += 1;
    return new Connection(this.#run.target);
  }

  #send(connection: Connection, dueAtMs: number): void {
    const { measure, nowMs } = this.#run;
    this.#busy += 1;
    connection.send((status) => {
      this.#busy -= 1;
      // What was due while warming up is not measured.
      if (dueAtMs >= measure.beganAtMs) measure.answered(status, nowMs() - dueAtMs);
      const next = this.#waiting[this.#head];
      if (next === undefined) this.#idle.push(connection);
      else {
        this.#takeWaiting();
        this.#send(connection, next);
      }
    });
  }

  #takeWaiting(): void {
    this.#head += 1;
    if (this.#head < 10_000 || this.#head * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((done) => {
    if (delayMs > 0) setTimeout(done, delayMs);
    else setImmediate(done);
  });
}
