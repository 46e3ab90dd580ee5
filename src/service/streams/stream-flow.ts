/**
 * Results on their way to one reader: the one place that knows back-pressure.
 *
 * Whoever makes results asks `hasRoom`, takes a place by `begin` and gives the result by `end`.
 * Results leave as they complete or in the order of their places. One that the reader has no room
 * for waits, and keeps its place: so a reader that stops first stops the writing (at the mark,
 * `unreadBytesMax`), then the making. A result may leave in parts; between two of them the mark is
 * looked at again. Results that wait are held too, so fewer are made at once where they are large:
 * together about the mark. What is held for a reader is twice the mark and a part, or two results.
 * Rejected: a readable stream of Node a caller (an object and a promise for each result).
 *
 *   place: free --begin--> under way --end--> ready --written--> free
 */
import assert from "node:assert/strict";
import { BoundedQueue } from "../../base/index.ts";

/** What a flow writes to: an HTTP reply, a socket. */
export interface FlowSink<Result> {
  /** Bytes that were written and that the reader has not taken. */
  readonly unreadBytes: number;
  /** Writes the next part of `result`, once or more often; true when it was the last one. */
  write(result: Result): boolean;
  /** Says whom to call whenever the reader has taken something. */
  onTaken(act: () => void): void;
}

export interface FlowOptions<Result> {
  readonly sink: FlowSink<Result>;
  /** Results under way, or ready and not wholly written; 1 or more. */
  readonly resultsMax: number;
  /** Bytes that the results under way are made from; one more is taken while they are below. */
  readonly sourceBytesMax: number;
  /** Bytes that the reader may be behind before nothing more is written to it. */
  readonly unreadBytesMax: number;
  /** Results leave in the order of their places. */
  readonly isOrdered: boolean;
  /** Called after one or more results were wholly written: there may be room again. */
  written(): void;
}

/** A result that has begun. */
export interface FlowPlace {
  readonly turn: number;
  readonly sourceBytes: number;
}

/** Results that may be under way however large they are: one is written while one is made. */
const resultsMin = 2;

export class StreamFlow<Result> {
  readonly #options: FlowOptions<Result>;
  #inFlight = 0;
  #sourceBytes = 0;
  /** What a result takes: as the largest lately, byte. */
  #resultBytes = 0;
  #begun = 0;
  /** The place whose result leaves next, when they leave in order. */
  #next = 0;
  #writing: Result | undefined;
  readonly #ready: BoundedQueue<Result>;
  /** Results that are ready before their turn, by place; at most `resultsMax`. */
  readonly #early = new Map<number, Result>();
  #isClosed = false;
  #isBusy = false;

  constructor(options: FlowOptions<Result>) {
    this.#options = options;
    this.#ready = new BoundedQueue(options.resultsMax);
    options.sink.onTaken(() => this.#write());
  }

  /** Results under way, or ready and not wholly written. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** True when another result may begin. */
  get hasRoom(): boolean {
    const { resultsMax, sourceBytesMax, unreadBytesMax } = this.#options;
    if (this.#isClosed || this.#inFlight >= resultsMax) return false;
    if (this.#sourceBytes >= sourceBytesMax) return false;
    return this.#inFlight < resultsMin || this.#inFlight * this.#resultBytes < unreadBytesMax;
  }

  /**
   * Takes a place. REQUIRES: `hasRoom`.
   * @param sourceBytes bytes that the result is made from, held until `end`
   */
  begin(sourceBytes: number): FlowPlace {
    assert(this.hasRoom, "a result began without room for it");
    this.#inFlight += 1;
    this.#sourceBytes += sourceBytes;
    this.#begun += 1;
    return { turn: this.#begun - 1, sourceBytes };
  }

  /** The result of a place is ready and holds `bytes`. REQUIRES: once for each place. */
  end({ turn, sourceBytes }: FlowPlace, result: Result, bytes: number): void {
    if (this.#isClosed) return;
    this.#sourceBytes -= sourceBytes;
    // Large ones count at once, and are forgotten slowly.
    const less = (bytes - this.#resultBytes) / 8;
    this.#resultBytes = less > 0 ? bytes : this.#resultBytes + less;
    if (!this.#options.isOrdered) this.#ready.push(result);
    else if (turn === this.#next) this.#inTurn(result);
    else this.#early.set(turn, result);
    this.#write();
  }

  /** The reader has left: nothing is written any more, nothing begins. */
  close(): void {
    this.#isClosed = true;
    this.#inFlight = 0;
    this.#writing = undefined;
    this.#ready.retain(() => false);
    this.#early.clear();
  }

  /** Readies `result`, whose turn it is, and those behind it that were early. */
  #inTurn(result: Result): void {
    this.#ready.push(result);
    this.#next += 1;
    for (;;) {
      const early = this.#early.get(this.#next);
      if (early === undefined) return;
      this.#early.delete(this.#next);
      this.#ready.push(early);
      this.#next += 1;
    }
  }

  #write(): void {
    // A sink may tell of taken bytes, and `written` may end results, while this is at work.
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { sink, unreadBytesMax } = this.#options;
    try {
      let isWritten = true;
      while (isWritten) {
        isWritten = false;
        while (!this.#isClosed && sink.unreadBytes < unreadBytesMax) {
          this.#writing ??= this.#ready.shift();
          if (this.#writing === undefined) break;
          if (!sink.write(this.#writing)) continue;
          this.#writing = undefined;
          this.#inFlight -= 1;
          isWritten = true;
        }
        if (isWritten && !this.#isClosed) this.#options.written();
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
