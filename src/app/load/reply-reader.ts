/**
 * Finds where one HTTP/1.1 reply ends in a stream of bytes, and its status.
 *
 * The generator of `bench` must cost less than the server it measures, so it reads no more of a
 * reply than this: status, length, end. One reply at a time (no pipelining). Bodies are not kept.
 * Invariant: the same bytes give the same result however they are cut.
 */

/** Bytes of a reply's head at most. */
const headBytesMax = 64 * 1024;

export interface Reply {
  readonly status: number;
  /** The server ends the connection after it. */
  readonly isLast: boolean;
}

type Stage = "head" | "length" | "size" | "chunk" | "trailer";

export class ReplyReader {
  #stage: Stage = "head";
  #status = 0;
  #isLast = false;
  /** Bytes of the body or chunk that are still to come. */
  #left = 0;
  /** Bytes that did not yet make a whole head or line; at most `headBytesMax`. */
  #rest: Buffer = Buffer.alloc(0);

  /**
   * Takes the next bytes; gives the reply when they complete it.
   *
   * @throws RangeError when the bytes are no reply, or go on after its end
   */
  push(bytes: Buffer): Reply | undefined {
    let chunk = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = Buffer.alloc(0);
    while (chunk.length > 0) {
      const next = this.#step(chunk);
      if (next === undefined) return undefined;
      chunk = next.rest;
      if (next.isDone) return this.#finish(chunk);
    }
    return undefined;
  }

  #step(chunk: Buffer): { readonly rest: Buffer; readonly isDone: boolean } | undefined {
    if (this.#stage === "length" || this.#stage === "chunk") return this.#body(chunk);
    const mark = this.#stage === "head" ? "\r\n\r\n" : "\r\n";
    const end = chunk.indexOf(mark);
    if (end === -1) {
      if (chunk.length > headBytesMax) throw new RangeError("the reply's head does not end");
      this.#rest = chunk;
      return undefined;
    }
    const text = chunk.toString("latin1", 0, end);
    const rest = chunk.subarray(end + mark.length);
    if (this.#stage === "head") return { rest, isDone: this.#head(text) };
    if (this.#stage === "trailer") return { rest, isDone: text === "" };
    this.#left = Number.parseInt(text, 16);
    if (!(this.#left >= 0)) throw new RangeError("a chunk has no size");
    this.#stage = this.#left === 0 ? "trailer" : "chunk";
    // The line break after a chunk counts as its end.
    this.#left += 2;
    return { rest, isDone: false };
  }

  #body(chunk: Buffer): { readonly rest: Buffer; readonly isDone: boolean } {
    const taken = Math.min(this.#left, chunk.length);
    this.#left -= taken;
    const isOver = this.#left === 0;
    if (isOver && this.#stage === "chunk") this.#stage = "size";
    const isDone = isOver && this.#stage === "length";
    return { rest: chunk.subarray(taken), isDone };
  }

  /** True when the reply has no body. */
  #head(text: string): boolean {
    if (!text.startsWith("HTTP/1.")) throw new RangeError("this is no HTTP/1.1 reply");
    this.#status = Number(text.slice(9, 12));
    const lower = text.toLowerCase();
    this.#isLast = headerOf(lower, "connection") === "close" || text.startsWith("HTTP/1.0");
    if (headerOf(lower, "transfer-encoding") === "chunked") {
      this.#stage = "size";
      return false;
    }
    this.#left = Number(headerOf(lower, "content-length") ?? 0);
    this.#stage = "length";
    return this.#left === 0;
  }

  #finish(rest: Buffer): Reply {
    if (rest.length > 0) throw new RangeError("bytes after the end of the reply");
    const reply = { status: this.#status, isLast: this.#isLast };
    this.#stage = "head";
    return reply;
  }
}

function headerOf(head: string, name: string): string | undefined {
  const from = head.indexOf(`\r\n${name}:`);
  if (from === -1) return undefined;
  const start = from + name.length + 3;
  const end = head.indexOf("\r\n", start);
  return head.slice(start, end === -1 ? head.length : end).trim();
}
