/**
 * A caller of our HTTP/2 layer without a network: a socket in memory, frames by hand, a fake clock.
 *
 * What the server sent is what the system has taken; the system takes all unless told otherwise.
 */
import { EventEmitter } from "node:events";
import { FakeClock } from "../../src/base/clock.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import type { CallStream } from "../../src/doors/grpc/http2/call-stream.ts";
import { Connection } from "../../src/doors/grpc/http2/connection.ts";
import type { ConnectionLimits } from "../../src/doors/grpc/http2/connection-options.ts";
import type { RequestHead } from "../../src/doors/grpc/http2/headers/call-headers.ts";
import { headerBlock } from "../../src/doors/grpc/http2/headers/header-encoder.ts";
import { UnreadReplies } from "../../src/transport/index.ts";
import { type Frame, framesOf, preface, settings, type } from "./http2-frames.ts";

const highWaterBytes = 64 * 1024;

export class FakeSocket extends EventEmitter {
  writable = true;
  destroyed = false;
  writableLength = 0;
  /** Bytes that the system takes; more with `take`. */
  roomBytes = Number.POSITIVE_INFINITY;
  readonly #clock: FakeClock;
  readonly #queue: { readonly bytes: Uint8Array; readonly taken: () => void }[] = [];
  #taken: Uint8Array[] = [];
  #takenBytes = 0;
  #fed: Buffer[] = [];
  #corks = 0;
  #isPaused = true;
  #isEnding = false;
  #needsDrain = false;

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  /** As Node's sockets have it: of the first write that is not over, what there is room for. */
  get _handle(): { readonly bytesWritten: number; readonly writeQueueSize: number } {
    const begun = Math.min(this.roomBytes, this.#queue[0]?.bytes.length ?? 0);
    return { bytesWritten: this.#takenBytes + begun, writeQueueSize: 0 };
  }

  write(bytes: Uint8Array, taken: () => void): void {
    if (!this.writable) return;
    this.#queue.push({ bytes, taken });
    this.writableLength += bytes.length;
    if (this.writableLength > highWaterBytes) this.#needsDrain = true;
    if (this.#corks === 0) this.#flow();
  }

  cork(): void {
    this.#corks += 1;
  }

  uncork(): void {
    this.#corks -= 1;
    this.#flow();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const fed = this.#fed;
    this.#fed = [];
    for (const bytes of fed) this.feed(bytes);
  }

  isPaused(): boolean {
    return this.#isPaused;
  }

  /** Bytes arrive. */
  feed(bytes: Buffer): void {
    if (this.destroyed) return;
    if (this.#isPaused) this.#fed.push(bytes);
    else this.emit("data", bytes);
  }

  /** The system takes so many bytes more. */
  take(bytes: number): void {
    this.roomBytes += bytes;
    this.#flow();
  }

  /** What the system has taken since the last call. */
  sent(): Buffer {
    const all = Buffer.concat(this.#taken);
    this.#taken = [];
    return all;
  }

  destroySoon(): void {
    this.writable = false;
    this.#isEnding = true;
    this.#flow();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writable = false;
    this.#clock.soon(() => this.emit("close"));
  }

  #flow(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (this.roomBytes < next.bytes.length || this.destroyed) return;
      this.roomBytes -= next.bytes.length;
      this.#queue.shift();
      this.writableLength -= next.bytes.length;
      this.#taken.push(next.bytes);
      this.#takenBytes += next.bytes.length;
      next.taken();
    }
    if (this.#isEnding) this.destroy();
    else if (this.#needsDrain) {
      this.#needsDrain = false;
      this.#clock.soon(() => this.emit("drain"));
    }
  }
}

/** A call as the server has heard it. */
export interface HeardCall {
  readonly stream: CallStream;
  readonly head: RequestHead;
  readonly chunks: Buffer[];
  isHalfClosed: boolean;
  isClosed: boolean;
}

export const testLimits: ConnectionLimits = {
  headerBytesMax: 16 * 1024,
  headersReadMsMax: 10_000,
  http2StreamsMax: 100,
  replyReadMsMax: 30_000,
};

export interface CallerOptions {
  readonly limits?: Partial<ConnectionLimits>;
  /** Where what waits is counted; by itself when there is none. */
  readonly unread?: UnreadReplies;
  /** What is done with each call beside hearing it. */
  readonly onCall?: (call: HeardCall) => void;
  /** What is done once a call's request is whole. */
  readonly onWhole?: (call: HeardCall) => void;
}

export class Caller {
  readonly clock = new FakeClock();
  readonly socket = new FakeSocket(this.clock);
  readonly connection: Connection;
  readonly calls = new Map<number, HeardCall>();
  readonly limitHits: string[] = [];
  readonly #unread = new UnreadReplies({
    ...{ limits: defaultLimits, clock: this.clock },
    limitHit: (name) => this.limitHits.push(name),
  });
  isGreeted = false;
  closes = 0;
  #received: Buffer = Buffer.alloc(0);

  constructor(options: CallerOptions = {}) {
    this.connection = new Connection({
      socket: this.socket,
      clock: this.clock,
      limits: { ...testLimits, ...options.limits },
      unread: options.unread ?? this.#unread,
      opened: (stream, head) => this.#opened(options, stream, head),
      greeted: () => {
        this.isGreeted = true;
      },
      limitHit: (name) => this.limitHits.push(name),
      closed: () => {
        this.closes += 1;
      },
    });
    this.clock.advance(0);
  }

  #opened({ onCall, onWhole }: CallerOptions, stream: CallStream, head: RequestHead): void {
    const call: HeardCall = { stream, head, chunks: [], isHalfClosed: false, isClosed: false };
    this.calls.set(stream.id, call);
    stream.sink = {
      chunk: (bytes, at, end) => call.chunks.push(Buffer.from(bytes.subarray(at, end))),
      halfClosed: () => {
        if (call.isHalfClosed || call.isClosed) throw new Error("told twice that it is whole");
        call.isHalfClosed = true;
        onWhole?.(call);
      },
      closed: () => {
        if (call.isClosed) throw new Error("told twice that it is closed");
        call.isClosed = true;
      },
    };
    onCall?.(call);
  }

  /** Sends bytes, as one chunk, and lets the server's turn end. */
  say(...parts: readonly Buffer[]): void {
    this.socket.feed(Buffer.concat(parts));
    this.clock.advance(0);
  }

  /** Says who it is, and drops what it is answered. */
  greet(...pairs: readonly (readonly [id: number, value: number])[]): this {
    this.say(preface, settings(...pairs));
    this.heard();
    return this;
  }

  /** The frames that have come since the last call. */
  heard(): Frame[] {
    const { frames, rest } = framesOf(Buffer.concat([this.#received, this.socket.sent()]));
    this.#received = rest;
    return frames;
  }

  /** The code of the GOAWAY among the frames that have come since; `undefined` without one. */
  farewell(): number | undefined {
    const found = this.heard().find((each) => each.type === type.goAway);
    return found?.payload.readUInt32BE(4);
  }

  call(id: number): HeardCall {
    const found = this.calls.get(id);
    if (found === undefined) throw new Error(`no call ${id}`);
    return found;
  }
}

export const okHead = { fixed: headerBlock({ ":status": 200 }), text: undefined };
export const okTrailers = { fixed: headerBlock({ "grpc-status": 0 }), text: undefined };

/** A connection on which the caller has said its settings. */
export function greeted(options: CallerOptions = {}): Caller {
  return new Caller(options).greet();
}
