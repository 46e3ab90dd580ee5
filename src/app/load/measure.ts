/**
 * Counts what a load run saw: latency histogram, answers by status, time.
 *
 * Nothing counts before `begin`: warm-up requests run, but leave no trace.
 */
import { Histogram } from "../../base/index.ts";

export class Measure {
  readonly latency = new Histogram();
  /** Answers by status; 0 is a broken connection. At most one entry per HTTP status. */
  readonly statuses = new Map<number, number>();
  /** Requests that were due but never sent, because too many were waiting. */
  dropped = 0;
  #beganAtMs: number | undefined;
  #endedAtMs: number | undefined;

  get isOn(): boolean {
    return this.#beganAtMs !== undefined && this.#endedAtMs === undefined;
  }

  get beganAtMs(): number {
    return this.#beganAtMs ?? 0;
  }

  /** Answered requests, whatever their status. */
  get count(): number {
    return this.latency.count;
  }

  begin(nowMs: number): void {
    this.#beganAtMs = nowMs;
  }

  end(nowMs: number): void {
    this.#endedAtMs ??= nowMs;
  }

  /** s */
  durationS(nowMs: number): number {
    if (this.#beganAtMs === undefined) return 0;
    return ((this.#endedAtMs ?? nowMs) - this.#beganAtMs) / 1000;
  }

  /** @param latencyMs from the instant it was due (open loop) or sent (closed loop) */
  answered(status: number, latencyMs: number): void {
    if (this.#beganAtMs === undefined) return;
    this.latency.record(latencyMs);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }

  /** Requests that were not answered with 2xx. */
  get errors(): number {
    let errors = 0;
    for (const [status, count] of this.statuses) {
      if (status < 200 || status > 299) errors += count;
    }
    return errors;
  }
}
