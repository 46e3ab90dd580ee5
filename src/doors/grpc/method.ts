/**
 * What a method of a service is, and what it sees of the call that it answers.
 *
 * A method knows messages and nothing of what carries them, so every way in serves the same
 * methods: HTTP/2 streams (`transport`) and the calls of browsers (`web`).
 */
import type { ServingError } from "../../base/index.ts";
import type { CallHeaders } from "./http2/headers/call-headers.ts";
import type { Work } from "./transport/work.ts";

/** A call as a method sees it. */
export interface MethodCall {
  readonly headers: CallHeaders;
  /** The work of a unary call; of a stream the part that is no message's. */
  readonly work: Work;
  /** Bytes that were written and not taken by the connection yet. */
  readonly unsentBytes: number;
  /** One message of a stream as work of its own, under the call's terms. */
  newWork(): Work;
  /** Stops reading until `resume`; what one chunk held still comes. */
  pause(): void;
  resume(): void;
  /** Settles once what was written has been taken, or the call is gone. */
  drained(): Promise<void>;
  /** Answers a unary call with a frame and the bytes that follow it in the same message. */
  reply(frame: Buffer, rest?: readonly Uint8Array[]): void;
  /** Calls `act` once the system has taken all of the reply; not where that cannot be told. */
  onSent?(act: () => void): void;
  /** Says how many bytes are ready for the reader and were not sent; they count as waiting. */
  keep(bytes: number): void;
  /** What a reply of `bytes` is refused with just now; `undefined` where it is not. */
  refusalOf(bytes: number): ServingError | undefined;
  /** Sends one message of a stream. @throws REPLIES_UNREAD */
  send(frame: Buffer, rest?: readonly Uint8Array[]): Promise<void>;
  /** Ends the call with status OK. */
  finish(): void;
  /** Ends the call with an error. */
  fail(thrown: unknown): void;
}

export interface UnaryMethod {
  readonly kind: "unary";
  /** False for questions that are answered while the server starts or stops. */
  readonly isWork: boolean;
  /** Answers by `call.reply`, or throws. */
  handle(call: MethodCall, message: Buffer): void;
}

/** What a stream does with what comes in. */
export interface StreamReader {
  message(bytes: Buffer): void;
  /** The caller sends no more. */
  halfClosed(): void;
  /** The call is over: nothing may be sent any more. */
  ended(): void;
}

export interface StreamMethod {
  readonly kind: "stream";
  readonly isWork: boolean;
  /** False when the caller sends one message and only the replies are many. */
  readonly isClientStream: boolean;
  /** Answers by `call.send`, and ends by `call.finish` or `call.fail`. */
  open(call: MethodCall): StreamReader;
}

export type Method = UnaryMethod | StreamMethod;
