/**
 * The lines of a body as they come, one at a time.
 *
 * Nothing is read ahead of what is asked for, so a slow reader slows the server down through the
 * connection. A line that never ends is refused.
 */
import { MillraceError } from "../millrace-error.ts";

/** Characters of one line. */
export const lineLengthMax = 16 * 1024 * 1024;

export class LineReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";
  #at = 0;
  #hasEnded = false;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** The next line without its end; `undefined` after the last. Throws what the body throws. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n", this.#at);
      if (end !== -1) {
        const line = this.#text.slice(this.#at, end);
        this.#at = end + 1;
        return line;
      }
      if (this.#hasEnded) return this.#rest();
      await this.#readMore();
    }
  }

  /** Ends the body; the server notices. */
  async cancel(reason: unknown): Promise<void> {
    // A body that has broken already needs no end; what broke it was thrown by `next`.
    await this.#reader.cancel(reason).catch(() => undefined);
  }

  #rest(): string | undefined {
    const rest = this.#text.slice(this.#at);
    this.#text = "";
    this.#at = 0;
    return rest === "" ? undefined : rest;
  }

  async #readMore(): Promise<void> {
    const { done, value } = await this.#reader.read();
    this.#text = this.#text.slice(this.#at) + this.#decoder.decode(value, { stream: !done });
    this.#at = 0;
    this.#hasEnded = done;
    if (this.#text.length <= lineLengthMax || this.#text.includes("\n")) return;
    throw new MillraceError("INVALID_REPLY", `a line is longer than ${lineLengthMax} characters`);
  }
}
