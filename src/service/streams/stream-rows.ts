/**
 * Runs the rows of one request for one reader: a few slices at once, the next when there is room.
 *
 * A flow holds the back-pressure (`stream-flow.ts`); here rows are cut into slices and the end is
 * noticed. A reader that leaves cancels what has not run. Invariants: each row is in exactly one
 * slice, slices begin in the order of their rows, and after the end nothing is written.
 */
import { type Cancellation, type Clock, ServingError } from "../../base/index.ts";
import { nextSliceRows, type SliceRules, sliceRowsAtStart } from "./slice-rows.ts";
import { type FlowSink, StreamFlow } from "./stream-flow.ts";

/** The answers of a slice, ready to be written. */
export interface SliceAnswer<Result> {
  readonly result: Result;
  /** Memory that it holds, byte. */
  readonly bytes: number;
}

export interface RowsStream<Result> {
  readonly clock: Clock;
  readonly cancellation: Cancellation;
  readonly sink: FlowSink<Result>;
  /** Rows leave in their order, not as their slices complete. */
  readonly isOrdered: boolean;
  /** `streamBufferBytesMax` */
  readonly unreadBytesMax: number;
  /** The rows, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  run(from: number, to: number): Promise<SliceAnswer<Result>>;
}

/** Slices under way at once, and rows in one of them. */
const slicesMax = 4;
const sliceRowsMax = 1_024;

/**
 * Settles when all rows are written or the reader has left.
 *
 * @throws what `run` throws first; rows that were not written by then are not
 */
export function streamRows<Result>(stream: RowsStream<Result>): Promise<void> {
  return new Promise((resolve, reject) => {
    new Producer(stream, resolve, reject).start();
  });
}

class Producer<Result> {
  readonly #stream: RowsStream<Result>;
  readonly #flow: StreamFlow<Result>;
  readonly #rules: SliceRules;
  readonly #resolve: () => void;
  readonly #reject: (error: ServingError) => void;
  #next: number;
  #sliceRows = sliceRowsAtStart;

  constructor(
    stream: RowsStream<Result>,
    resolve: () => void,
    reject: (error: ServingError) => void,
  ) {
    const { sink, isOrdered, unreadBytesMax } = stream;
    this.#stream = stream;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#next = stream.from;
    this.#rules = { rowsMax: sliceRowsMax, answerBytesMax: unreadBytesMax / slicesMax };
    this.#flow = new StreamFlow({
      ...{ sink, isOrdered, unreadBytesMax, resultsMax: slicesMax },
      sourceBytesMax: Number.POSITIVE_INFINITY,
      written: () => this.#go(),
    });
  }

  start(): void {
    this.#stream.cancellation.onCancel(() => {
      this.#flow.close();
      this.#resolve();
    });
    this.#go();
  }

  #go(): void {
    const { to, cancellation } = this.#stream;
    while (this.#next < to && this.#flow.hasRoom && !cancellation.isCancelled) {
      const from = this.#next;
      this.#next = Math.min(from + this.#sliceRows, to);
      this.#runSlice(from, this.#next).catch((thrown: unknown) => {
        this.#flow.close();
        this.#reject(ServingError.from(thrown));
      });
    }
    if (this.#next >= to && this.#flow.inFlight === 0) this.#resolve();
  }

  async #runSlice(from: number, to: number): Promise<void> {
    const { clock } = this.#stream;
    const place = this.#flow.begin(0);
    const begunAtMs = clock.nowMs();
    const { result, bytes } = await this.#stream.run(from, to);
    const back = { rows: to - from, tookMs: clock.nowMs() - begunAtMs, answerBytes: bytes };
    this.#sliceRows = nextSliceRows(this.#sliceRows, back, this.#rules);
    this.#flow.end(place, result, bytes);
  }
}
