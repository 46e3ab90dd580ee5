/**
 * The load of the chaos tests: a process of its own, so that the test's loop does not slow it.
 *
 * Started by `start-load.ts` with an order as its only argument; prints one JSON report. "stop" on
 * stdin ends it early: what is under way is still waited for. Knows whether an answer belongs to
 * its request, because the model answers its input's fingerprint.
 */
import { fingerprintOf } from "../../tools/onnx/models.ts";
import { LoadConnection, type LoadReply } from "./load-connection.ts";
import { type LoadOrder, type LoadReport, windowMs } from "./load-report.ts";

/** Most times of broken connections that are kept. */
const brokenMax = 10_000;
const histogramMsMax = 60_000;
const stepMs = 2;

/** A row that no other request has; whole numbers, so that the sum is exact. */
function rowOf(request: number, width: number): number[] {
  return Array.from({ length: width }, (_, index) =>
    index === 0 ? request % 16_000_000 : ((request * 31 + index * 7_919) % 4_096) - 2_048,
  );
}

function textOf(row: readonly number[]): string {
  const input = { name: "x", shape: [1, row.length], datatype: "FP32", data: row };
  return JSON.stringify({ inputs: [input], outputs: [{ name: "fingerprint" }] });
}

const dataMark = '"data":[';

/** The one number of a reply; a parser would cost the generator more than the rest of its work. */
function answerIn(body: string): number {
  const from = body.indexOf(dataMark) + dataMark.length;
  return Number(body.slice(from, body.indexOf("]", from)));
}

class Load {
  readonly #order: LoadOrder;
  readonly #constant: readonly number[];
  readonly #constantText: string;
  readonly #startedAtMs = Date.now();
  readonly #idle: LoadConnection[] = [];
  /** One for each tenth of a second. */
  readonly #windows: number[] = [];
  /** Latencies in steps of 1 ms. */
  readonly #latencies = new Uint32Array(histogramMsMax + 1);
  readonly #errors: Record<string, number> = {};
  readonly #brokenAtMs: number[] = [];
  readonly #counts = {
    requests: 0,
    answered: 0,
    withoutRetryAfter: 0,
    drainingKeptOpen: 0,
    swapped: 0,
    truncated: 0,
    refused: 0,
    unsent: 0,
  };
  #pending = 0;
  #isOver = false;
  #onEnd: () => void = () => {};

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#constant = rowOf(1, order.width);
    this.#constantText = textOf(this.#constant);
  }

  async run(): Promise<LoadReport> {
    const ended = new Promise<void>((done) => {
      this.#onEnd = done;
    });
    for (let index = 0; index < this.#order.connections; index += 1) {
      this.#idle.push(new LoadConnection(this.#order.port));
    }
    const timer = setInterval(() => this.#step(), stepMs);
    this.#step();
    await ended;
    clearInterval(timer);
    for (const connection of this.#idle) connection.close();
    return this.#report();
  }

  stop(): void {
    this.#isOver = true;
    this.#endIfIdle();
  }

  #step(): void {
    const passedMs = Date.now() - this.#startedAtMs;
    const { requestsMin, msMin, msMax, ratePerSecond } = this.#order;
    const hasEnough = this.#counts.requests >= requestsMin && passedMs >= msMin;
    if (hasEnough || passedMs >= msMax) this.stop();
    const due = ratePerSecond === 0 ? Number.POSITIVE_INFINITY : (passedMs * ratePerSecond) / 1_000;
    while (!this.#isOver && this.#counts.requests + this.#counts.unsent < due) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      this.#send(connection);
    }
    const late = due - this.#counts.requests - this.#counts.unsent - ratePerSecond * 2;
    if (Number.isFinite(late) && late > 0) this.#counts.unsent += Math.floor(late);
  }

  #send(connection: LoadConnection): void {
    const { body, width, model } = this.#order;
    this.#counts.requests += 1;
    this.#pending += 1;
    const row = body === "constant" ? this.#constant : rowOf(this.#counts.requests, width);
    const text = body === "constant" ? this.#constantText : textOf(row);
    const sentAtMs = performance.now();
    connection.ask(`/v2/models/${model}/infer`, text, (reply) => {
      this.#pending -= 1;
      this.#take(reply, row, performance.now() - sentAtMs);
      this.#idle.push(connection);
      // In the next turn, so that a server that refuses is not asked without a pause.
      if (this.#order.ratePerSecond === 0 && reply.kind === "whole") this.#step();
      this.#endIfIdle();
    });
  }

  #take(reply: LoadReply, row: readonly number[], latencyMs: number): void {
    const counts = this.#counts;
    if (reply.kind !== "whole") {
      if (reply.kind === "refused") counts.refused += 1;
      else if (reply.kind === "truncated") counts.truncated += 1;
      else if (this.#brokenAtMs.length < brokenMax) this.#brokenAtMs.push(Date.now());
      return;
    }
    const place = Math.min(Math.round(latencyMs), histogramMsMax);
    this.#latencies[place] = (this.#latencies[place] ?? 0) + 1;
    if (reply.status === 200) {
      const at = Math.floor((Date.now() - this.#startedAtMs) / windowMs);
      this.#windows[at] = (this.#windows[at] ?? 0) + 1;
      counts.answered += 1;
      if (answerIn(reply.body) !== fingerprintOf(row)) counts.swapped += 1;
      return;
    }
    const name = `${reply.status} ${reply.code}`;
    this.#errors[name] = (this.#errors[name] ?? 0) + 1;
    if (reply.status === 503 && !reply.hasRetryAfter) counts.withoutRetryAfter += 1;
    if (reply.code === "DRAINING" && !reply.isLast) counts.drainingKeptOpen += 1;
  }

  #endIfIdle(): void {
    if (this.#isOver && this.#pending === 0) this.#onEnd();
  }

  #report(): LoadReport {
    const windows = Array.from(this.#windows, (answered, index) => ({
      startMs: this.#startedAtMs + index * windowMs,
      answered: answered ?? 0,
    }));
    return {
      ...this.#counts,
      errors: this.#errors,
      brokenAtMs: this.#brokenAtMs,
      windows,
      latencyMs: { p50: this.#quantile(0.5), p99: this.#quantile(0.99), max: this.#quantile(1) },
      wallMs: Date.now() - this.#startedAtMs,
    };
  }

  #quantile(share: number): number {
    const total = this.#latencies.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (let ms = 0; ms < this.#latencies.length; ms += 1) {
      seen += this.#latencies[ms] ?? 0;
      if (seen >= total * share) return ms;
    }
    return histogramMsMax;
  }
}

const load = new Load(JSON.parse(process.argv[2] ?? "") as LoadOrder);
process.stdin.on("data", () => load.stop());
process.stdin.on("end", () => process.exit(1));
const report = await load.run();
process.stdout.write(JSON.stringify(report), () => process.exit(0));
