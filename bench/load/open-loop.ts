/**
 * The open-loop client: a process of its own that sends each request at its fixed time, whether or
 * not the earlier ones were answered.
 *
 * `wrk` is closed-loop and leaves out exactly the waiting that a slow neighbour causes, so this one
 * load is not native. Latency counts from the instant a request was due. A thread that sleeps until
 * the next instant (`open-loop-pace.ts`) wakes the client, because timers of Node are whole
 * milliseconds; how late the client itself was is reported too.
 */
import { readFileSync } from "node:fs";
import { Agent, request as httpRequest, type RequestOptions } from "node:http";
import { Worker } from "node:worker_threads";
import type { FixedRequest } from "./wrk.ts";

export interface Flow {
  readonly name: string;
  readonly port: number;
  readonly perSecond: number;
  /** `undefined` is a GET of `path`. */
  readonly request: FixedRequest | { readonly path: string };
}

/** One order for the client; it answers with a `FlowReport` for each flow, in order. */
export interface OpenLoopOrder {
  readonly seconds: number;
  readonly flows: readonly Flow[];
}

export interface FlowReport {
  readonly sent: number;
  /** Not answered, or with another status than 200. */
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** How late the client sent at the 99th percentile; part of the latencies. */
  readonly lateP99Us: number;
}

/** What the pacing thread is given: instants of `process.hrtime` in ms and the flow of each. */
export interface Pace {
  readonly atMs: Float64Array;
  readonly flows: Uint8Array;
}

/** Idle sockets are closed before a server does it, else a request could meet the end of one. */
const idleMsMax = 3_000;
/** Reasons of failed requests that go to the log. */
const reasonsMax = 10;
const agent = new Agent({ keepAlive: true, maxSockets: 1_024, timeout: idleMsMax });
/** Time for the last answers after the last request was sent. */
const tailMsMax = 10_000;

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The instants of all flows in order; each flow starts at a shift of its own. */
function plan(order: OpenLoopOrder, startMs: number): Pace {
  const all = order.flows.flatMap((flow, index) => {
    const gapMs = 1_000 / flow.perSecond;
    const count = Math.floor(order.seconds * flow.perSecond);
    const shift = (index + 1) / (order.flows.length + 1);
    return Array.from({ length: count }, (_, turn) => ({
      atMs: startMs + (turn + shift) * gapMs,
      index,
    }));
  });
  all.sort((a, b) => a.atMs - b.atMs);
  return {
    atMs: Float64Array.from(all, (each) => each.atMs),
    flows: Uint8Array.from(all, (each) => each.index),
  };
}

class FlowRun {
  readonly latenciesMs: number[] = [];
  readonly lateMs: number[] = [];
  #good = 0;
  #reasons = 0;
  readonly #options: RequestOptions;
  readonly #body: Buffer | undefined;

  constructor(flow: Flow) {
    const { port, request } = flow;
    this.#body = "bodyFile" in request ? readFileSync(request.bodyFile) : undefined;
    const headers = "headers" in request ? request.headers : {};
    const length = this.#body === undefined ? {} : { "content-length": this.#body.length };
    this.#options = {
      ...{ agent, host: "127.0.0.1", port, path: request.path },
      method: this.#body === undefined ? "GET" : "POST",
      headers: { ...headers, ...length },
    };
  }

  send(dueMs: number): Promise<void> {
    this.lateMs.push(nowMs() - dueMs);
    return new Promise((resolve) => {
      const fail = (error: Error) => {
        this.#tell(String(error));
        resolve();
      };
      const sent = httpRequest(this.#options, (reply) => {
        reply.resume();
        reply.once("end", () => {
          this.latenciesMs.push(nowMs() - dueMs);
          if (reply.statusCode === 200) this.#good += 1;
          else this.#tell(String(reply.statusCode));
          resolve();
        });
        reply.once("error", fail);
      });
      sent.once("error", fail);
      sent.end(this.#body);
    });
  }

  #tell(reason: string): void {
    this.#reasons += 1;
    if (this.#reasons <= reasonsMax) process.stderr.write(`${this.#options.path}: ${reason}\n`);
  }

  report(): FlowReport {
    const us = this.latenciesMs.map((each) => each * 1e3).toSorted((a, b) => a - b);
    const late = this.lateMs.map((each) => each * 1e3).toSorted((a, b) => a - b);
    return {
      sent: this.lateMs.length,
      errors: this.lateMs.length - this.#good,
      p50Us: at(us, 0.5),
      p99Us: at(us, 0.99),
      maxUs: us.at(-1) ?? 0,
      lateP99Us: at(late, 0.99),
    };
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

async function obey(order: OpenLoopOrder): Promise<FlowReport[]> {
  const runs = order.flows.map((flow) => new FlowRun(flow));
  const pace = plan(order, nowMs() + 100);
  const answers: Promise<void>[] = [];
  const thread = new Worker(new URL("open-loop-pace.ts", import.meta.url), { workerData: pace });
  thread.on("message", (turn: number) => {
    const run = runs[pace.flows[turn] ?? 0];
    if (run !== undefined) answers.push(run.send(pace.atMs[turn] ?? 0));
  });
  await new Promise((resolve, reject) => {
    thread.once("exit", resolve);
    thread.once("error", reject);
  });
  const tail = new Promise((resolve) => setTimeout(resolve, tailMsMax).unref());
  await Promise.race([Promise.all(answers), tail]);
  return runs.map((run) => run.report());
}

process.on("message", (order: OpenLoopOrder) => {
  obey(order).then(
    (reports) => process.send?.(reports),
    (thrown: unknown) => {
      process.stderr.write(`${String(thrown)}\n`);
      process.exit(1);
    },
  );
});
process.send?.("ready");
