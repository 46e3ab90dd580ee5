/**
 * DATA as it comes, wherever the network has cut it: what of a frame is content, what padding, and
 * how much more the caller may send.
 *
 * The window of the connection is given back as bytes come, that of a stream as they are taken
 * (`CallStream`): so one stream that is not read holds its own window and nobody else up. That of
 * the connection is given back at its half, ahead of any frame that could overrun it.
 */
import type { Clock } from "../../../base/index.ts";
import type { CallStream } from "./call-stream.ts";
import { errorCode, fault } from "./fault.ts";
import type { FloodGuard } from "./flood-guard.ts";
import { type FrameHead, frameFlag } from "./frames.ts";
import type { Sender } from "./sending/sender.ts";
import type { StreamTable } from "./stream-table.ts";
import { connectionWindowBytes } from "./windows.ts";

export interface BodyFramesParts {
  readonly streams: StreamTable;
  readonly sender: Sender;
  readonly guard: FloodGuard;
  readonly clock: Pick<Clock, "nowMs">;
}

export class BodyFrames {
  readonly #parts: BodyFramesParts;
  /** What came and was not given back to the caller's window, byte. */
  #taken = 0;
  /** Whom the frame is for; `undefined` when nobody wants it. */
  #stream: CallStream | undefined;
  #isLast = false;
  #isPadRead = true;
  /** Content of the frame that is still to come, byte; all of it until the padding is known. */
  #left = 0;

  constructor(parts: BodyFramesParts) {
    this.#parts = parts;
  }

  /** @throws ConnectionFault */
  begins({ stream: id, length, flags }: FrameHead): void {
    if (id === 0) throw fault("DATA on stream 0");
    this.#taken += length;
    this.#isLast = (flags & frameFlag.endStream) !== 0;
    this.#isPadRead = (flags & frameFlag.padded) === 0;
    if (!this.#isPadRead && length === 0) throw fault("DATA with more padding than bytes");
    this.#left = length;
    this.#stream = this.#parts.streams.receiver(id, length);
    if (length === 0) this.#noContent();
  }

  /** A frame without content says nothing, unless it says that the body ends. */
  #noContent(): void {
    if (this.#isLast && this.#stream !== undefined) return;
    this.#parts.guard.idleFrame(this.#parts.clock.nowMs());
  }

  /** Some of a frame. @throws ConnectionFault */
  part(bytes: Buffer, start: number, end: number): void {
    const at = this.#isPadRead ? start : this.#readPad(bytes, start);
    const stop = Math.min(end, at + this.#left);
    if (stop === at) return;
    this.#left -= stop - at;
    const stream = this.#stream;
    if (stream === undefined || stream.isGone) return;
    // Nothing more comes: it need not be told that it may send more.
    if (this.#isLast && this.#left === 0) stream.isAllSent = true;
    if (stream.contentLeft >= 0) {
      stream.contentLeft -= stop - at;
      if (stream.contentLeft < 0) {
        this.#parts.streams.breakRule(stream, errorCode.protocol);
        return;
      }
    }
    stream.arrived(bytes, at, stop);
  }

  #readPad(bytes: Buffer, at: number): number {
    this.#isPadRead = true;
    const padBytes = bytes[at] as number;
    if (padBytes >= this.#left) throw fault("DATA with more padding than bytes");
    this.#left -= 1 + padBytes;
    if (this.#left === 0) this.#noContent();
    this.#stream?.padded(1 + padBytes);
    return at + 1;
  }

  /** The frame is whole. */
  ends(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (this.#isLast && stream !== undefined && !stream.isGone) {
      this.#parts.streams.bodyEnds(stream);
    }
    if (this.#taken < connectionWindowBytes / 2) return;
    this.#parts.sender.widenPeer(this.#taken);
    this.#taken = 0;
  }
}
