/**
 * What a worker of several fronts works on just now, where its parent can read it after its death.
 *
 * With one front the oldest operation that was not answered is the one that runs. With several, no
 * front knows what the others have sent, so the worker itself notes each piece of work before it
 * begins: four words at the start of a nameless file. A note costs 1 to 2 us; a frame that says
 * "begun" would wake its front for each batch. The count tells a worker that is stuck in one piece
 * from one that does piece after piece. Rejected: memory that both map (Node has none).
 */
import { readSync, writeSync } from "node:fs";

/** What the record says. */
export interface Running {
  /** Whose work it is: 0 is the parent, `noFront` is nobody's. */
  readonly front: number;
  /** The number that front gave its operation. */
  readonly batch: number;
  /** The longest time it may take, ms; 0 when only the parent knows (a load). */
  readonly wallMsMax: number;
  /** Counts the notes; another number is other work. */
  readonly count: number;
}

/** In place of a front: nothing runs. */
export const noFront = 0xffff_ffff;

const recordBytes = 16;

/** The worker's side. */
export class RunningRecord {
  readonly #file: number;
  readonly #words = new Uint32Array(recordBytes / 4);
  #count = 0;

  /** @param file a descriptor that is open for writing */
  constructor(file: number) {
    this.#file = file;
  }

  begin(front: number, batch: number, wallMsMax: number): void {
    this.#note(front, batch, wallMsMax);
  }

  end(): void {
    this.#note(noFront, 0, 0);
  }

  #note(front: number, batch: number, wallMsMax: number): void {
    this.#count += 1;
    this.#words[0] = front;
    this.#words[1] = batch;
    this.#words[2] = wallMsMax;
    this.#words[3] = this.#count;
    writeSync(this.#file, this.#words, 0, recordBytes, 0);
  }
}

/** The parent's side: what stands in the record, or `undefined` before the first note. */
export function readRunning(file: number): Running | undefined {
  const words = new Uint32Array(recordBytes / 4);
  if (readSync(file, words, 0, recordBytes, 0) < recordBytes) return undefined;
  const [front = noFront, batch = 0, wallMsMax = 0, count = 0] = words;
  return { front, batch, wallMsMax, count };
}
