/**
 * The reply of an exchange on a stream of HTTP/2.
 *
 * Has the methods of Node's response of HTTP/1 that an exchange uses, and nothing else of it. A
 * large reply is handed on piece by piece: a stream counts a write once all of it has left, so a
 * reader who takes a large one in small steps would seem to take nothing. Invariants: the head is
 * sent once, with the end of the stream in it where there is no body; whatever comes after the
 * stream is gone is dropped, and who waits for it is told.
 */
import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from "node:http2";
import type { UnreadLine } from "../../../transport/index.ts";
import type { Reply } from "../http/carrier.ts";
import type { StreamRequest } from "./stream-request.ts";

/** Bytes that are handed to the stream at once. */
const pieceBytesMax = 64 * 1024;

/** A piece that waits for those before it. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly taken: (() => void) | undefined;
}

const alone: ServerStreamResponseOptions = { endStream: true };

export class StreamReply implements Reply {
  readonly req: StreamRequest;
  statusCode = 200;
  /** Of HTTP/1; a stream ends alone. */
  shouldKeepAlive = true;
  readonly #stream: ServerHttp2Stream;
  readonly #line: UnreadLine;
  #head: OutgoingHttpHeaders | undefined;
  /** What was written and not handed on yet: at most the rest of one reply. */
  #waiting: Piece[] = [];
  #waitingBytes = 0;
  #writtenBytes = 0;
  #isEnding = false;

  /** @param line where what waits of a large reply is counted */
  constructor(stream: ServerHttp2Stream, request: StreamRequest, line: UnreadLine) {
    this.#stream = stream;
    this.#line = line;
    this.req = request;
  }

  /** True once every byte was handed to the system. */
  get isSent(): boolean {
    return this.#stream.writableFinished;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get writableLength(): number {
    return this.#waitingBytes + this.#stream.writableLength;
  }

  /** Bytes that its reader has taken. */
  get takenBytes(): number {
    return this.#writtenBytes - this.writableLength;
  }

  writeHead(status: number, headers: readonly string[]): void {
    this.statusCode = status;
    const head: OutgoingHttpHeaders = { ":status": status };
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const name = headers[index] ?? "";
      const before = head[name];
      const value = headers[index + 1] ?? "";
      head[name] = before === undefined ? value : `${before}, ${value}`;
    }
    this.#head = head;
  }

  write(chunk: string | Uint8Array, taken?: () => void): void {
    if (this.destroyed || this.#isEnding) {
      if (taken !== undefined) process.nextTick(taken);
      return;
    }
    this.#begin();
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    this.#writtenBytes += bytes.length;
    if (this.#waiting.length === 0 && bytes.length <= pieceBytesMax) {
      this.#stream.write(bytes, taken);
      return;
    }
    const isFirst = this.#waiting.length === 0;
    this.#cut(bytes, taken);
    if (isFirst) this.#next();
  }

  end(chunk?: string | Uint8Array, encoding: BufferEncoding = "utf8"): void {
    if (this.destroyed || this.#isEnding) return;
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
    if (bytes === undefined || bytes.length === 0) {
      this.#endEmpty();
      return;
    }
    if (this.#waiting.length === 0 && bytes.length <= pieceBytesMax) {
      this.#begin();
      this.#isEnding = true;
      this.#writtenBytes += bytes.length;
      this.#stream.end(bytes);
      return;
    }
    this.write(bytes);
    this.end();
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** What breaks a stream also closes it, which its door hears. */
  on(): void {}

  /** The stream is gone. */
  closed(): void {
    const left = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { bytes, taken } of left) {
      this.#line.count(-bytes.length);
      taken?.();
    }
  }

  #endEmpty(): void {
    this.#isEnding = true;
    const head = this.#head;
    if (head !== undefined) {
      this.#head = undefined;
      this.#stream.respond(head, alone);
    } else if (this.#waiting.length === 0) this.#stream.end();
  }

  #begin(): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    this.#stream.respond(head);
  }

  #cut(bytes: Uint8Array, taken: (() => void) | undefined): void {
    this.#waitingBytes += bytes.length;
    this.#line.count(bytes.length);
    for (let at = 0; at < bytes.length; at += pieceBytesMax) {
      const end = at + pieceBytesMax;
      const isLast = end >= bytes.length;
      this.#waiting.push({ bytes: bytes.subarray(at, end), taken: isLast ? taken : undefined });
    }
  }

  /** Hands on the piece that is next; the following one goes when it has left. */
  #next(): void {
    const piece = this.#waiting[0];
    if (piece === undefined) {
      if (this.#isEnding && !this.destroyed) this.#stream.end();
      return;
    }
    if (this.destroyed) return;
    this.#stream.write(piece.bytes, () => {
      if (this.#waiting[0] !== piece) return;
      this.#waiting.shift();
      this.#line.count(-piece.bytes.length);
      piece.taken?.();
      this.#next();
    });
    this.#waitingBytes -= piece.bytes.length;
  }
}
