/**
 * One HTTP/2 connection of a caller (RFC 9113), server side: its socket, its beginning and its end.
 *
 * Why our own: node:http2 makes some twenty objects for a call and hands each of its events through
 * listeners, which costs more than all that a small call is (docs/adr/0037). What frames mean is
 * decided by `HeaderFrames`, `BodyFrames` and `ControlFrames`, what becomes of streams by
 * `StreamTable`, what leaves and when by `Sender` and `Outbox`. Invariant: what breaks the protocol
 * ends the stream or the connection, never the process. A caller who sends no more (a half-closed
 * socket) has left: it could neither answer nor open a window.
 */
import { Socket } from "node:net";
import { readInto, type UnreadLine } from "../../../transport/index.ts";
import { BodyFrames } from "./body-frames.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { ControlFrames } from "./control-frames.ts";
import { ConnectionFault, errorCode, fault, insideBlock } from "./fault.ts";
import { FloodGuard } from "./flood-guard.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { type FrameHead, frameType } from "./frames.ts";
import { HeaderFrames } from "./headers/header-frames.ts";
import type { CallerSocket } from "./sending/caller-socket.ts";
import { Outbox } from "./sending/outbox.ts";
import { Sender } from "./sending/sender.ts";
import { ownSettings } from "./settings.ts";
import { StreamTable } from "./stream-table.ts";
import { UnfinishedWatch } from "./unfinished-watch.ts";
import {
  connectionWindowBytes,
  defaultWindowBytes,
  streamWindowBytes,
  windowBytesMax,
} from "./windows.ts";

/** What any connection has just read: all of it is used or copied before the next read. */
const readMemory = Buffer.allocUnsafeSlow(256 * 1024);

export class Connection implements FrameSink {
  readonly #options: ConnectionOptions;
  readonly #socket: CallerSocket;
  readonly #line: UnreadLine;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #reader: FrameReader;
  readonly #guard: FloodGuard;
  readonly #streams: StreamTable;
  readonly #headers: HeaderFrames;
  readonly #body: BodyFrames;
  readonly #control: ControlFrames;
  readonly #watch: UnfinishedWatch;
  /** Number of the frame that the open block of headers began with. */
  #blockFrame = 0;
  /** Nothing is read any more. */
  #isEnding = false;
  #isOver = false;
  #isCallerLeaving = false;

  constructor(options: ConnectionOptions) {
    const { socket, clock, limits, unread } = options;
    this.#options = options;
    this.#socket = socket;
    this.#line = unread.enter(() => this.#shed());
    this.#outbox = new Outbox({
      ...{ socket, clock, line: this.#line, replyReadMsMax: limits.replyReadMsMax },
      unread: () => this.#cut("replyReadMsMax"),
    });
    const sender = new Sender(this.#outbox, this.#line);
    const guard = new FloodGuard(clock.nowMs());
    const streams = new StreamTable({
      ...{ line: socket, sender, guard, clock, http2StreamsMax: limits.http2StreamsMax },
      opened: (stream, head) => options.opened(stream, head),
      emptied: () => this.#leaveIfDone(),
    });
    const parts = { streams, sender, guard, clock, outbox: this.#outbox };
    this.#sender = sender;
    this.#guard = guard;
    this.#streams = streams;
    this.#reader = new FrameReader(this);
    this.#headers = new HeaderFrames(streams, limits);
    this.#body = new BodyFrames(parts);
    this.#control = new ControlFrames({
      ...parts,
      greeted: () => options.greeted(),
      callerLeaves: () => {
        this.#isCallerLeaving = true;
        this.#leaveIfDone();
      },
    });
    const late = (): void => this.#cut("headersReadMsMax");
    this.#watch = new UnfinishedWatch({ clock, msMax: limits.headersReadMsMax, late });
    this.#begin();
  }

  #begin(): void {
    const socket = this.#socket;
    const settings = ownSettings({ ...this.#options.limits, streamWindowBytes });
    this.#sender.frame({ type: frameType.settings, flags: 0, stream: 0 }, settings);
    this.#sender.widenPeer(connectionWindowBytes - defaultWindowBytes);
    socket.on("data", (chunk) => this.#take(chunk));
    if (socket instanceof Socket) {
      readInto(socket, readMemory, (bytes) => this.#take(readMemory.subarray(0, bytes)));
    }
    socket.on("drain", () => this.#drained());
    socket.on("error", () => {});
    socket.once("end", () => this.#end());
    socket.once("close", () => this.#over());
    socket.resume();
  }

  /** True once nothing is read any more. */
  get isOver(): boolean {
    return this.#isEnding;
  }

  /** True while its reader has not taken all that there is for it. */
  get hasUnsent(): boolean {
    return this.#outbox.unsentBytes > 0 || this.#sender.hasWaiting;
  }

  #take(chunk: Buffer): void {
    if (this.#isEnding) return;
    try {
      this.#reader.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof ConnectionFault)) throw thrown;
      this.#fail(thrown.code);
    }
    if (this.#isEnding) return;
    this.#watch.note(this.#headers.isOpen ? this.#blockFrame : this.#reader.unfinished);
    if (this.#outbox.isOverfull) this.#socket.pause();
  }

  #drained(): void {
    if (this.#isOver) return;
    this.#sender.pumpAll();
    if (!this.#outbox.isOverfull && this.#socket.isPaused()) this.#socket.resume();
  }

  frame(head: FrameHead, bytes: Buffer, at: number): void {
    const { type } = head;
    if (!this.#control.isGreeted && type !== frameType.settings) throw noGreeting();
    if (type === frameType.continuation) {
      this.#guard.idleFrame(this.#options.clock.nowMs());
      this.#headers.continuation(head, bytes, at);
      return;
    }
    if (this.#headers.isOpen) throw insideBlock();
    if (type === frameType.headers) {
      this.#blockFrame = this.#reader.framesBegun;
      this.#headers.headers(head, bytes, at);
    } else this.#control.take(head, bytes, at);
  }

  dataBegins(head: FrameHead): void {
    if (!this.#control.isGreeted) throw noGreeting();
    if (this.#headers.isOpen) throw insideBlock();
    this.#body.begins(head);
  }

  dataPart(bytes: Buffer, start: number, end: number): void {
    this.#body.part(bytes, start, end);
  }

  dataEnds(): void {
    this.#body.ends();
  }

  /** Asks whether the caller is there; `act` runs when it answers. One question at a time. */
  ping(act: () => void): void {
    this.#control.ping(act);
  }

  /** Says that the caller's next calls belong elsewhere, and serves on. */
  announceClose(): void {
    if (!this.#isEnding && !this.#streams.isLeaving) this.#goAway(errorCode.none, windowBytesMax);
  }

  /** Takes no more calls, and ends when those that are open have. */
  close(): void {
    if (this.#isEnding || this.#streams.isLeaving) return;
    this.#goAway(errorCode.none, this.#streams.lastId);
    this.#streams.leave();
    this.#leaveIfDone();
  }

  /** Ends it at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#over();
  }

  #cut(limit: "replyReadMsMax" | "headersReadMsMax"): void {
    this.#options.limitHit(limit);
    this.destroy();
  }

  /** All callers together read too little, and this one least: what it holds is let go at once. */
  #shed(): void {
    if (this.#isOver) return;
    if (this.#socket.writableLength === 0) this.#fail(errorCode.calm);
    if (this.#socket.writableLength > 0) this.destroy();
  }

  #leaveIfDone(): void {
    const isAsked = this.#streams.isLeaving || this.#isCallerLeaving;
    if (isAsked && this.#streams.isEmpty && !this.#isEnding) this.#end();
  }

  #goAway(code: number, lastId: number): void {
    this.#sender.control({ type: frameType.goAway, flags: 0, stream: 0 }, [lastId, code]);
  }

  #fail(code: number): void {
    this.#goAway(code, this.#streams.lastId);
    this.#end();
  }

  /** Ends the socket once it has sent what there is; whoever still waits for an answer has left. */
  #end(): void {
    this.#over();
    this.#outbox.flush();
    this.#socket.destroySoon();
  }

  #over(): void {
    this.#isEnding = true;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch.close();
    this.#streams.closeAll();
    this.#line.close();
    this.#options.closed();
  }
}

function noGreeting(): ConnectionFault {
  return fault("the first frame is no SETTINGS");
}
