/**
 * One stream of HTTP/2 and the exchange on it: bytes in, end of the stream, and what becomes of one
 * on which too little moves.
 */
import { constants, type ServerHttp2Stream } from "node:http2";
import type { LimitName, Limits, ServingError } from "../../../base/index.ts";
import { judgePace, judgeReading, type Mark, type StreamSink } from "../../../transport/index.ts";
import { slowError } from "../http/connection/broken-connection.ts";
import type { Exchange } from "../http/exchange.ts";
import type { StreamReply } from "./stream-reply.ts";
import type { StreamRequest } from "./stream-request.ts";

export interface StreamParts {
  readonly stream: ServerHttp2Stream;
  readonly request: StreamRequest;
  readonly reply: StreamReply;
  readonly exchange: Exchange;
  closed(stream: OpenStream): void;
}

export type StreamLimits = Pick<
  Limits,
  "bodyReadMsMax" | "bodyBytesPerSecondMin" | "replyReadMsMax"
>;

export class OpenStream implements StreamSink {
  readonly #parts: StreamParts;
  #body: Mark | undefined;
  #reply: Mark | undefined;
  /** A look found it answered, and its caller still sending. */
  #isOverdue = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** True while its reader has not taken all that was written. */
  get isUnsent(): boolean {
    return this.#parts.reply.writableLength > 0;
  }

  chunk(bytes: Buffer): void {
    this.#parts.request.push(bytes);
  }

  halfClosed(): void {
    this.#parts.request.push(null);
  }

  wantTrailers(): void {}

  closed(): void {
    const { reply, exchange } = this.#parts;
    this.#parts.closed(this);
    exchange.callerLeft();
    reply.closed();
  }

  /** Refuses it if its body is still on its way. */
  refuseArriving(error: ServingError): void {
    if (this.#isArriving) this.#parts.exchange.fail(error);
  }

  /** Cuts it where it has hit a limit, which is returned. */
  lookAt(nowMs: number, limits: StreamLimits): LimitName | undefined {
    if (this.#isArriving) return this.#lookAtBody(nowMs, limits);
    if (this.#isUnread(nowMs, limits.replyReadMsMax)) {
      this.#parts.stream.close(constants.NGHTTP2_CANCEL);
      return "replyReadMsMax";
    }
    this.#endOverdue();
    return undefined;
  }

  get #isArriving(): boolean {
    const { exchange, request } = this.#parts;
    return !request.isBodyRead && !exchange.isAnswered;
  }

  #lookAtBody(nowMs: number, limits: StreamLimits): LimitName | undefined {
    const { exchange, request } = this.#parts;
    const now = { atMs: nowMs, bytes: request.bodyBytes };
    const isLate = exchange.times.arrivedAtMs < nowMs - limits.bodyReadMsMax;
    const mark = judgePace(this.#body ?? now, now, limits.bodyBytesPerSecondMin);
    if (!isLate && mark !== "slow") {
      this.#body = mark;
      return undefined;
    }
    exchange.fail(slowError());
    return isLate ? "bodyReadMsMax" : "bodyBytesPerSecondMin";
  }

  #isUnread(nowMs: number, msMax: number): boolean {
    const { reply } = this.#parts;
    if (reply.writableLength === 0) {
      this.#reply = undefined;
      return false;
    }
    const now = { atMs: nowMs, bytes: reply.takenBytes };
    const mark = judgeReading(this.#reply ?? now, now, msMax);
    if (mark === "stuck") return true;
    this.#reply = mark;
    return false;
  }

  /** Who sends on behind an answer is told to stop, at the second look that finds it so. */
  #endOverdue(): void {
    const { request, reply, stream } = this.#parts;
    if (request.isBodyRead || !reply.isSent) return;
    if (this.#isOverdue) stream.close(constants.NGHTTP2_NO_ERROR);
    this.#isOverdue = true;
  }
}
