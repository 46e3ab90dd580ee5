/**
 * What a connection is opened with, and whom it tells what.
 */
import type { Clock } from "../../../base/index.ts";
import type { UnreadReplies } from "../../../transport/index.ts";
import type { CallStream } from "./call-stream.ts";
import type { RequestHead } from "./headers/call-headers.ts";
import type { CallerSocket } from "./sending/caller-socket.ts";

export interface ConnectionLimits {
  readonly headerBytesMax: number;
  readonly headersReadMsMax: number;
  readonly http2StreamsMax: number;
  readonly replyReadMsMax: number;
}

export interface ConnectionOptions {
  readonly socket: CallerSocket;
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** Where what waits for its reader is counted. */
  readonly unread: UnreadReplies;
  /** A request began. Sets the sink of the stream; may not throw. */
  opened(stream: CallStream, head: RequestHead): void;
  /** The caller has said its settings: it speaks HTTP/2. */
  greeted(): void;
  /** The time of a limit has passed without what it is for; the connection was ended. */
  limitHit(name: "replyReadMsMax" | "headersReadMsMax"): void;
  closed(): void;
}
