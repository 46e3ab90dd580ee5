/**
 * One request of HTTP and its reply, as a call of gRPC-Web needs them; a port, so that the call
 * does not know which HTTP it came over.
 */
import type { ServingError } from "../../../base/index.ts";
import type { CallHeaders } from "../http2/headers/call-headers.ts";

/** Whom a request's bytes and ends are for. */
export interface WebSink {
  chunk(bytes: Buffer): void;
  /** The request is whole. */
  halfClosed(): void;
  /** Nothing of request or reply is held any more, whoever ended it. */
  closed(): void;
}

export interface WebPeer {
  readonly method: string;
  readonly path: string;
  readonly headers: CallHeaders;
  /** Of all header names and values together. */
  readonly headerBytes: number;
  readonly headerPairs: number;
  /** The connection that it came on. */
  readonly line: object;
  /** Bytes that were written and not taken by the connection yet. */
  readonly unsentBytes: number;
  /** Stays the same while its reader takes nothing; `undefined` when nothing waits for it. */
  readonly progress: number | undefined;
  /** True once all that was written has left, the end included. */
  readonly isSent: boolean;
  /** True when the connection wants a pause before more is written. */
  readonly needsDrain: boolean;
  /** Directs what comes to `sink`. What comes before it is told is kept. */
  hear(sink: WebSink): void;
  /** What `bytes` more are refused with just now; `undefined` where they are not. */
  refusalOf(bytes: number): ServingError | undefined;
  /** Sends status and headers, once. */
  head(status: number, headers: Readonly<Record<string, string | number>>): void;
  write(bytes: Uint8Array | string): void;
  /** Answers with a whole reply of HTTP; a refused or longer request ends its connection. */
  answer(status: number, headers: Readonly<Record<string, string>>, text: string): void;
  /** Ends the reply. What still comes of the request is read and dropped for a while. */
  end(): void;
  /** Calls once when the connection takes more. */
  onDrain(act: () => void): void;
  pause(): void;
  resume(): void;
  /** Ends request and reply at once. */
  cut(): void;
}
