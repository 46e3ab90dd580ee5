/**
 * What arrives on a call: chunks become messages, compressed ones are inflated, in order.
 *
 * Invariant: messages are delivered in the order they were sent, whatever inflating takes; after a
 * fault nothing is delivered.
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
  /** Messages that are being inflated, in order; at most what one window of the stream holds. */
  #inflating: Promise<void> | undefined;
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
    if (this.#inflating === undefined) this.#guard(() => this.#sink.requestIsWhole());
    else void this.#inflating.then(() => this.#guard(() => this.#sink.requestIsWhole()));
  }

  /** One whole message as it was sent; called by the cutter. */
  message(bytes: Buffer, isCompressed: boolean): void {
    if (!isCompressed && this.#inflating === undefined) {
      this.#guard(() => this.#sink.deliver(bytes));
      return;
    }
    const before = this.#inflating ?? Promise.resolve();
    const inflated = isCompressed ? this.#inflate(bytes) : Promise.resolve(bytes);
    this.#inflating = Promise.all([inflated, before]).then(
      ([whole]) => this.#guard(() => this.#sink.deliver(whole)),
      (thrown: unknown) => this.#sink.fail(thrown),
    );
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
