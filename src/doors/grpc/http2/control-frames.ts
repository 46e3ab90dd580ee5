/**
 * Frames that carry no call: settings, pings, windows, resets, priorities, farewells. What each may
 * say, and what it is answered (RFC 9113, section 6).
 *
 * Every frame that leads to nothing is counted by `FloodGuard`, answers to ours included: a caller
 * owes one for each and has no reason to send more.
 */
import type { Clock } from "../../../base/index.ts";
import { errorCode, fault, frameSize } from "./fault.ts";
import type { FloodGuard } from "./flood-guard.ts";
import { type FrameHead, frameFlag, frameType } from "./frames.ts";
import type { Outbox } from "./sending/outbox.ts";
import type { Sender } from "./sending/sender.ts";
import { applySettings } from "./settings.ts";
import type { StreamTable } from "./stream-table.ts";
import { windowBytesMax } from "./windows.ts";

export interface ControlFramesParts {
  readonly streams: StreamTable;
  readonly sender: Sender;
  readonly outbox: Outbox;
  readonly guard: FloodGuard;
  readonly clock: Pick<Clock, "nowMs">;
  /** The caller has said its settings, for the first time. */
  greeted(): void;
  /** The caller has said that it opens no more streams. */
  callerLeaves(): void;
}

export class ControlFrames {
  readonly #parts: ControlFramesParts;
  #isGreeted = false;
  #pong: (() => void) | undefined;

  constructor(parts: ControlFramesParts) {
    this.#parts = parts;
  }

  /** True once the caller has said its settings. */
  get isGreeted(): boolean {
    return this.#isGreeted;
  }

  /** REQUIRES: neither DATA nor headers. @throws ConnectionFault */
  take(head: FrameHead, bytes: Buffer, at: number): void {
    const { type } = head;
    if (type === frameType.windowUpdate) this.#onWindowUpdate(head, bytes, at);
    else if (type === frameType.reset) this.#onReset(head);
    else if (type === frameType.settings) this.#onSettings(head, bytes, at);
    else if (type === frameType.ping) this.#onPing(head, bytes, at);
    else if (type === frameType.goAway) this.#onGoAway(head);
    else if (type === frameType.priority) this.#onPriority(head, bytes, at);
    else if (type === frameType.push) throw fault("a caller may not push");
    else this.#saysNothing();
  }

  /** Asks whether the caller is there; `act` runs when it answers. One question at a time. */
  ping(act: () => void): void {
    this.#pong = act;
    this.#parts.sender.control({ type: frameType.ping, flags: 0, stream: 0 }, [0, 0]);
  }

  #saysNothing(): void {
    this.#parts.guard.idleFrame(this.#parts.clock.nowMs());
  }

  #onWindowUpdate({ stream: id, length }: FrameHead, bytes: Buffer, at: number): void {
    const { sender, streams } = this.#parts;
    if (length !== 4) throw frameSize();
    const more = bytes.readUInt32BE(at) & 0x7fffffff;
    if (id === 0) {
      if (more === 0) throw fault("a window grows by nothing");
      sender.widen(more);
      return;
    }
    if (streams.isIdle(id)) throw fault("a window of a stream that is not open");
    const stream = streams.find(id);
    if (stream === undefined) return;
    if (more === 0) {
      streams.breakRule(stream, errorCode.protocol);
      return;
    }
    stream.sendWindow += more;
    if (stream.sendWindow > windowBytesMax) streams.breakRule(stream, errorCode.flowControl);
    else if (stream.hasUnsent) sender.pump(stream);
  }

  #onReset({ stream: id, length }: FrameHead): void {
    const { streams } = this.#parts;
    if (length !== 4) throw frameSize();
    if (id === 0 || streams.isIdle(id)) throw fault("a reset of no stream");
    streams.callerReset(id);
  }

  #onPriority({ stream: id, length }: FrameHead, bytes: Buffer, at: number): void {
    const { streams } = this.#parts;
    if (id === 0) throw fault("a priority of no stream");
    this.#saysNothing();
    if (length === 5) {
      if ((bytes.readUInt32BE(at) & 0x7fffffff) === id) {
        throw fault("a stream that depends on itself");
      }
      return;
    }
    const stream = streams.find(id);
    if (stream === undefined) throw frameSize();
    streams.breakRule(stream, errorCode.frameSize);
  }

  #onSettings({ stream, length, flags }: FrameHead, bytes: Buffer, at: number): void {
    const { sender, streams } = this.#parts;
    if (stream !== 0) throw fault("SETTINGS on a stream");
    this.#saysNothing();
    if ((flags & frameFlag.ack) !== 0) {
      if (length !== 0) throw frameSize();
      if (!this.#isGreeted) throw fault("the first frame is an answer");
      return;
    }
    applySettings(bytes.subarray(at, at + length), sender, streams.all());
    this.#answer(frameType.settings, []);
    // Behind the answer: a caller may count by its old windows until it comes.
    sender.pumpAll();
    if (this.#isGreeted) return;
    this.#isGreeted = true;
    this.#parts.greeted();
  }

  #onPing({ stream, length, flags }: FrameHead, bytes: Buffer, at: number): void {
    if (stream !== 0) throw fault("PING on a stream");
    if (length !== 8) throw frameSize();
    if ((flags & frameFlag.ack) !== 0) {
      this.#saysNothing();
      const act = this.#pong;
      this.#pong = undefined;
      act?.();
      return;
    }
    this.#answer(frameType.ping, [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]);
  }

  #answer(type: number, words: readonly number[]): void {
    const { guard, outbox, sender } = this.#parts;
    guard.answer(outbox.waitingAcks);
    outbox.noteAck();
    sender.control({ type, flags: frameFlag.ack, stream: 0 }, words);
  }

  #onGoAway({ stream, length }: FrameHead): void {
    if (stream !== 0) throw fault("GOAWAY on a stream");
    if (length < 8) throw frameSize();
    this.#saysNothing();
    this.#parts.callerLeaves();
  }
}
