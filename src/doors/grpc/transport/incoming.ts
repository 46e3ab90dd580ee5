/**
 * What arrives on a call: chunks become messages, compressed ones are inflated, in order.
 *
 * One at a time: each that is inflated takes some 50 KB beside its bytes, and a chunk may hold
 * thousands. Invariants: messages are delivered in the order they were sent, whatever inflating
 * takes; while `waitingMax` wait nothing more is read; after a fault nothing is delivered.
 */
import { type Compression, inflate, type Limits, ServingError } from "../../../base/index.ts";
import { MessageCutter } from "./messages.ts";

/** Whom the messages are for. */
export interface IncomingSink {
  /** True once nobody wants a message any more. */
  readonly isEnded: boolean;
  /** One whole message. May throw: that is a fault of the request. */
  deliver(bytes: Buffer): void;
  /** The caller sends no more, and all messages were delivered. May throw. */
  requestIsWhole(): void;
  fail(thrown: unknown): void;
  /** True: read nothing more until told otherwise; what one chunk held still comes. */
  holdBack(isHeld: boolean): void;
}

/** Messages that wait behind one that is being inflated. */
const waitingMax = 16;

interface Waiting {
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
}

export interface IncomingOptions {
  /** How the messages that say so are compressed. */
  readonly encoding: Compression | undefined;
  readonly limits: Pick<Limits, "grpcMessageBytesMax" | "inflateRatioMax">;
}

export class Incoming {
  readonly #sink: IncomingSink;
  readonly #options: IncomingOptions;
  readonly #cutter: MessageCutter;
  /** `waitingMax`, and what one chunk held. */
  readonly #waiting: Waiting[] = [];
  #isInflating = false;
  #isHeldBack = false;
  #isHalfClosed = false;

  constructor(sink: IncomingSink, options: IncomingOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#cutter = new MessageCutter(this, options.limits.grpcMessageBytesMax);
  }

  /** True once the caller has said that nothing more comes. */
  get isHalfClosed(): boolean {
    return this.#isHalfClosed;
  }

  /** Takes the bytes of `chunk` from `at` to `end`. */
  take(chunk: Buffer, at: number, end: number): void {
    if (this.#sink.isEnded) return;
    try {
      this.#cutter.push(chunk, at, end);
    } catch (thrown) {
      this.#sink.fail(thrown);
    }
  }

  /** Later calls change nothing. */
  halfClose(): void {
    if (this.#isHalfClosed) return;
    this.#isHalfClosed = true;
    if (this.#sink.isEnded) return;
    if (!this.#cutter.isBetween) {
      this.#sink.fail(new ServingError("INVALID_REQUEST", "the request ended inside a message"));
      return;
    }
    if (!this.#isInflating) this.#guard(() => this.#sink.requestIsWhole());
  }

  /** One whole message as it was sent; called by the cutter. */
  message(bytes: Buffer, isCompressed: boolean): void {
    if (!isCompressed && !this.#isInflating) {
      this.#guard(() => this.#sink.deliver(bytes));
      return;
    }
    this.#waiting.push({ bytes, isCompressed });
    if (this.#waiting.length >= waitingMax) this.#holdBack(true);
    if (this.#isInflating) return;
    this.#isInflating = true;
    this.#inflateAll().catch((thrown: unknown) => {
      this.#waiting.length = 0;
      this.#sink.fail(thrown);
    });
  }

  async #inflateAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const whole = next.isCompressed ? await this.#inflate(next.bytes) : next.bytes;
      this.#guard(() => this.#sink.deliver(whole));
      if (this.#sink.isEnded) this.#waiting.length = 0;
      if (this.#waiting.length < waitingMax) this.#holdBack(false);
    }
    this.#isInflating = false;
    if (this.#isHalfClosed) this.#guard(() => this.#sink.requestIsWhole());
  }

  #holdBack(isHeld: boolean): void {
    if (isHeld === this.#isHeldBack) return;
    this.#isHeldBack = isHeld;
    this.#sink.holdBack(isHeld);
  }

  #guard(act: () => void): void {
    if (this.#sink.isEnded) return;
    try {
      act();
    } catch (thrown) {
      this.#sink.fail(thrown);
    }
  }

  async #inflate(bytes: Buffer): Promise<Buffer> {
    const { encoding, limits } = this.#options;
    if (encoding === undefined) {
      const message = "the message is compressed, but metadata 'grpc-encoding' names no way";
      throw new ServingError("INVALID_REQUEST", message, { field: "grpc-encoding" });
    }
    return await inflate(bytes, {
      encoding,
      bytesMax: limits.grpcMessageBytesMax,
      bytesLimit: "grpcMessageBytesMax",
      ratioMax: limits.inflateRatioMax,
      what: "message",
    });
  }
}

/** What `grpc-encoding` names. @throws UNSUPPORTED for what is not read here */
export function compressionOf(name: string | string[] | undefined): Compression | undefined {
  if (name === undefined || name === "identity") return undefined;
  if (name === "gzip" || name === "deflate") return name;
  const message = "metadata 'grpc-encoding': expected identity, gzip or deflate";
  throw new ServingError("UNSUPPORTED", message, { field: "grpc-encoding" });
}
