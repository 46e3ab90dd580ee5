/**
 * Keeps what a broken stream is continued from, for a short time and within bounds.
 *
 * What is kept is the source of the rows, not their answers: a reader says what it has seen, and
 * the rows behind that run again. So a kept stream costs what its request cost, whatever its
 * answers weigh, and nothing has to guess how much of what was written got through. A stream is
 * kept from its start; its time runs while no reader is attached. Past a bound the oldest is
 * forgotten.
 * Rejected: a ring of the last events (a reader that is further behind than the ring is lost).
 */
import type { Clock, Limits, Timer } from "../../base/index.ts";

/** A stream that may be continued. */
export interface KeptStream<Source> {
  readonly id: string;
  readonly source: Source;
  /**
   * A reader takes the stream over; an earlier one is told by its own `replaced`.
   * @returns to be called when this reader leaves
   */
  attach(replaced: () => void): () => void;
}

interface Entry<Source> {
  readonly stream: KeptStream<Source>;
  readonly bytes: number;
  /** The reader of now; `undefined` while nobody reads. */
  replaced: (() => void) | undefined;
  /** When it is forgotten; never while somebody reads. */
  untilMs: number;
}

export interface KeptStreamsOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "streamsKeptMax" | "streamsKeptBytesMax" | "streamKeptMsMax">;
  /** A name that nobody can guess. */
  newId(): string;
}

export class KeptStreams<Source> {
  readonly #options: KeptStreamsOptions;
  /** At most `streamsKeptMax`, oldest first. */
  readonly #entries = new Map<string, Entry<Source>>();
  #bytes = 0;
  #timer: Timer | undefined;

  constructor(options: KeptStreamsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Bytes of all sources. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a stream; `undefined` when it alone is over the bounds. */
  keep(source: Source, bytes: number): KeptStream<Source> | undefined {
    const { limits, newId } = this.#options;
    const { streamsKeptMax, streamsKeptBytesMax } = limits;
    if (streamsKeptMax < 1 || bytes > streamsKeptBytesMax) return undefined;
    while (this.#entries.size >= streamsKeptMax || this.#bytes + bytes > streamsKeptBytesMax) {
      this.#forgetOldest();
    }
    const id = newId();
    const stream = { id, source, attach: (replaced: () => void) => this.#attach(id, replaced) };
    this.#entries.set(id, { stream, bytes, replaced: undefined, untilMs: this.#endMs() });
    this.#bytes += bytes;
    this.#watch();
    return stream;
  }

  find(id: string): KeptStream<Source> | undefined {
    return this.#entries.get(id)?.stream;
  }

  /** Forgets a stream that was wholly read. */
  forget(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#bytes -= entry.bytes;
  }

  /** Forgets all. */
  close(): void {
    this.#timer?.cancel();
    this.#entries.clear();
    this.#bytes = 0;
  }

  #attach(id: string, replaced: () => void): () => void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return () => {};
    entry.replaced?.();
    entry.replaced = replaced;
    entry.untilMs = Number.POSITIVE_INFINITY;
    return () => {
      if (entry.replaced !== replaced) return;
      entry.replaced = undefined;
      entry.untilMs = this.#endMs();
      this.#watch();
    };
  }

  #endMs(): number {
    return this.#options.clock.nowMs() + this.#options.limits.streamKeptMsMax;
  }

  #forgetOldest(): void {
    for (const id of this.#entries.keys()) {
      this.forget(id);
      return;
    }
  }

  /** One timer for all, set to the first of them. */
  #watch(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const { untilMs } of this.#entries.values()) firstMs = Math.min(firstMs, untilMs);
    if (firstMs === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    this.#timer = clock.after(Math.max(0, firstMs - clock.nowMs()), () => this.#sweep());
  }

  #sweep(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [id, { untilMs }] of this.#entries) if (untilMs <= nowMs) this.forget(id);
    this.#watch();
  }
}
