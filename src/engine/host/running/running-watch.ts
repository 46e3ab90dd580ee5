/**
 * Reads for the parent what a worker of several fronts works on, and since when.
 *
 * Since when is told by the first look that saw it, so a hang is found up to two looks late; with
 * one front the parent knows to the millisecond. Any new note is a sign of life: a worker does not
 * beat while it runs what others sent.
 */
import { closeSync } from "node:fs";
import { noFront, type Running, readRunning } from "../../frame/index.ts";
import type { Operations } from "../operations.ts";

/** What the watch of a worker wants to know. */
export interface Busy {
  /** `undefined` while nothing runs. */
  readonly sinceMs: number | undefined;
  readonly msMax: number;
  /** Something was noted since the last look. */
  readonly isNews: boolean;
}

export class RunningWatch {
  readonly #file: number;
  #seen: Running | undefined;
  #sinceMs = 0;
  #isClosed = false;

  /** @param file descriptor of the record; closed by `close` */
  constructor(file: number) {
    this.#file = file;
  }

  /** Looks now. @param own what the parent has asked for, whose limits only the parent knows */
  look(own: Operations, nowMs: number): Busy {
    const { head, headSinceMs } = own;
    const running = this.now();
    // Before the first work it was asked for its HELLO and nothing else.
    if (running === undefined) {
      return { sinceMs: headSinceMs, msMax: head?.msMax ?? 0, isNews: false };
    }
    const isNews = running.count !== this.#seen?.count;
    if (isNews) this.#sinceMs = nowMs;
    this.#seen = running;
    const isOthers = running.front !== 0 && running.front !== noFront;
    if (isOthers) return { sinceMs: this.#sinceMs, msMax: running.wallMsMax, isNews };
    // Without a head it is answered already, and the answer is on its way.
    const isOwn = running.front === 0 && head !== undefined;
    return { sinceMs: isOwn ? this.#sinceMs : undefined, msMax: head?.msMax ?? 0, isNews };
  }

  /** What stands in the record; `undefined` before the first work. */
  now(): Running | undefined {
    return this.#isClosed ? this.#seen : readRunning(this.#file);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#seen = readRunning(this.#file);
    this.#isClosed = true;
    closeSync(this.#file);
  }
}
