/**
 * The streams that are open: how many there may be, and what they hold for their readers.
 *
 * Every door enters its streams here before it spends anything on one, so `streamsMax` is the limit
 * of the whole server.
 */
import { type Limits, ServingError } from "../../base/index.ts";

/** One open stream. */
export interface OpenStream {
  /** Asked at scrape time: bytes written that the reader has not taken. */
  unreadBytes: () => number;
  /** A stop waits for its end; false where what runs on the stream counts by itself. */
  isAwaited: boolean;
  /** The stream is over; calling it again changes nothing. */
  leave(): void;
}

export class OpenStreams {
  readonly #streamsMax: number;
  /** At most `streamsMax`. */
  readonly #open = new Set<OpenStream>();

  constructor({ streamsMax }: Pick<Limits, "streamsMax">) {
    this.#streamsMax = streamsMax;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Those whose end a stop waits for. */
  get awaited(): number {
    let count = 0;
    for (const each of this.#open) if (each.isAwaited) count += 1;
    return count;
  }

  /** Bytes that all streams together hold for readers who have not taken them. */
  get unreadBytes(): number {
    let bytes = 0;
    for (const each of this.#open) bytes += each.unreadBytes();
    return bytes;
  }

  /** @throws OVERLOADED when `streamsMax` streams are open */
  enter(): OpenStream {
    if (this.#open.size >= this.#streamsMax) {
      const message = `${this.#streamsMax} streams are open (streamsMax)`;
      throw new ServingError("OVERLOADED", message, { limit: "streamsMax" });
    }
    const stream: OpenStream = {
      unreadBytes: () => 0,
      isAwaited: true,
      leave: () => {
        this.#open.delete(stream);
      },
    };
    this.#open.add(stream);
    return stream;
  }
}
