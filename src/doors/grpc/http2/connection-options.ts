/**
 * What a connection is opened with, and whom it tells what.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../../base/index.ts";
import type { CallStream } from "./call-stream.ts";
import type { RequestHead } from "./headers/call-headers.ts";

export interface ConnectionLimits {
  readonly headerBytesMax: number;
  readonly http2StreamsMax: number;
  readonly replyReadMsMax: number;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** A request began. Sets the sink of the stream; may not throw. */
  opened(stream: CallStream, head: RequestHead): void;
  /** The caller has said its settings: it speaks HTTP/2. */
  greeted(): void;
  /** A reader took nothing for `replyReadMsMax`; the connection was ended. */
  unread(): void;
  closed(): void;
}
