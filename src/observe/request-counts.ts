/**
 * Requests by door and code, as plain numbers in one array: no label is touched while counting.
 *
 * Bounded by construction: one number for each door and each code of the error table.
 */
import { type ErrorCode, errorTable } from "../base/index.ts";

/** The ways in that are counted apart; `local` is a request of the command line itself. */
export const doors = ["rest", "grpc", "websocket", "local"] as const;

export type Door = (typeof doors)[number];

/** How a request ended: `OK`, or the code it was refused with. */
export type Outcome = ErrorCode | "OK";

/** Static: faults of the model or of ours; refusals for want of room or time are none. */
export const modelFaults: ReadonlySet<Outcome> = new Set<Outcome>([
  "INTERNAL",
  "MODEL_OUTPUT_INVALID",
  "WORKER_LOST",
  "ENGINE_TIMEOUT",
  "MEMORY_EXHAUSTED",
]);

/** Every outcome; `OK` is the first. */
export const outcomes: readonly Outcome[] = ["OK", ...(Object.keys(errorTable) as ErrorCode[])];

/** One entry per outcome. */
const places = new Map<Outcome, number>(outcomes.map((outcome, index) => [outcome, index]));

export class RequestCounts {
  readonly #counts = new Float64Array(doors.length * outcomes.length);

  add(door: Door, outcome: Outcome): void {
    const row = door === "rest" ? 0 : doors.indexOf(door) * outcomes.length;
    const column = outcome === "OK" ? 0 : (places.get(outcome) ?? 0);
    this.#counts[row + column] = (this.#counts[row + column] as number) + 1;
  }

  at(door: Door, outcome: Outcome): number {
    const place = doors.indexOf(door) * outcomes.length + outcomes.indexOf(outcome);
    return this.#counts[place] ?? 0;
  }

  /** A copy of all counts. */
  plain(): Float64Array {
    return this.#counts.slice();
  }

  /** Adds a copy. */
  addPlain(counts: Float64Array): void {
    for (let place = 0; place < this.#counts.length; place += 1) {
      this.#counts[place] = (this.#counts[place] as number) + (counts[place] ?? 0);
    }
  }

  get successes(): number {
    return this.#total((column) => column === 0);
  }

  get errors(): number {
    return this.#total((column) => column !== 0);
  }

  #total(isWanted: (column: number) => boolean): number {
    let total = 0;
    for (let place = 0; place < this.#counts.length; place += 1) {
      if (isWanted(place % outcomes.length)) total += this.#counts[place] as number;
    }
    return total;
  }
}
