/**
 * What one worker has been asked and has not answered, oldest first.
 *
 * A worker does one thing at a time in the order of arrival, so the oldest operation is the one it
 * works on: its clock runs from the moment it became the oldest. Invariant: each operation is
 * settled once, by its answer or by the death of the worker.
 */
import type { Clock } from "../../base/index.ts";
import { ServingError } from "../../base/index.ts";
import type { Frame } from "../frame/index.ts";

export interface Operation {
  readonly kind: "hello" | "load" | "unload" | "run";
  readonly id: number;
  /** Wall clock, ms. */
  readonly msMax: number;
  readonly answer: (frame: Frame) => void;
  readonly fail: (error: ServingError) => void;
}

/** Operations under way in one worker; a front asks for at most two runs of each instance. */
const operationsMax = 4_096;

export class Operations {
  readonly #clock: Clock;
  #waiting: Operation[] = [];
  #headSinceMs = 0;
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get head(): Operation | undefined {
    return this.#waiting[0];
  }

  /** When the oldest operation became the oldest; `undefined` when there is none. */
  get headSinceMs(): number | undefined {
    return this.#waiting.length === 0 ? undefined : this.#headSinceMs;
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** A number that no operation under way has; 32 bits, never 0. */
  nextId(): number {
    this.#lastId = this.#lastId >= 0xffff_ffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  /** Throws QUEUE_FULL over `operationsMax`. */
  add(operation: Operation): void {
    if (this.#waiting.length >= operationsMax) {
      throw new ServingError("QUEUE_FULL", `the worker has ${operationsMax} operations under way`);
    }
    if (this.#waiting.length === 0) this.#headSinceMs = this.#clock.nowMs();
    this.#waiting.push(operation);
  }

  /** Takes the operation that `id` names out, or gives `undefined` when there is none. */
  take(id: number): Operation | undefined {
    if (this.#waiting[0]?.id === id) {
      this.#headSinceMs = this.#clock.nowMs();
      return this.#waiting.shift();
    }
    const place = this.#waiting.findIndex((each) => each.id === id);
    return place < 0 ? undefined : this.#waiting.splice(place, 1)[0];
  }

  /** Takes all out, oldest first. */
  takeAll(): Operation[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }
}
