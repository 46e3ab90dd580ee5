/**
 * One HTTP/2 connection of a caller (RFC 9113), server side: frames in, streams and their ends out.
 *
 * Why our own: node:http2 makes some twenty objects for a call and hands each of its events through
 * listeners, which costs more than all that a small call is (docs/adr/0037). Invariants: streams of
 * one connection are at most `streamsMax`; a block of headers is read whole or ends the connection;
 * what breaks the protocol ends the stream or the connection, never the process. One file because
 * the rules of one frame speak of the state that the others leave.
 */
import type { Socket } from "node:net";
import { readInto } from "../../../transport/index.ts";
import { ByteRoom } from "./byte-room.ts";
import { CallStream, type StreamHost } from "./call-stream.ts";
import { ClosedStreams } from "./closed-streams.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import {
  ConnectionFault,
  errorCode,
  fault,
  frameSize,
  insideBlock,
  streamClosed,
} from "./fault.ts";
import { FloodGuard } from "./flood-guard.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { type FrameHead, frameFlag, frameType } from "./frames.ts";
import { HeaderDecoder, type HeaderList } from "./headers/header-decoder.ts";
import { areTrailers, headOf } from "./headers/request-head.ts";
import { Outbox } from "./outbox.ts";
import { Sender } from "./sender.ts";
import { applySettings, ownSettings } from "./settings.ts";
import {
  connectionWindowBytes,
  defaultWindowBytes,
  streamWindowBytes,
  windowBytesMax,
} from "./windows.ts";

/** A block of headers in all its frames, byte; and at least twice what is kept of it. */
const blockBytesMin = 64 * 1024;

/** What any connection has just read: all of it is used or copied before the next read. */
const readMemory = Buffer.allocUnsafeSlow(256 * 1024);

/** A block that came without its end. */
interface OpenBlock {
  readonly stream: number;
  readonly isLast: boolean;
  readonly bytes: ByteRoom;
}

export class Connection implements FrameSink, StreamHost {
  readonly sender: Sender;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reader: FrameReader;
  readonly #decoder: HeaderDecoder;
  readonly #guard: FloodGuard;
  /** At most `http2StreamsMax`. */
  readonly #streams = new Map<number, CallStream>();
  readonly #closed = new ClosedStreams();
  #block: OpenBlock | undefined;
  #lastId = 0;
  #isGreeted = false;
  #isOver = false;
  #isLeaving = false;
  #isPeerLeaving = false;
  /** What came on DATA frames and was not given back to the caller's window. */
  #taken = 0;
  #data: CallStream | undefined;
  #isPadRead = true;
  #contentLeft = 0;
  #dataFlags = 0;
  #ping: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    const { socket, clock, limits } = options;
    this.#options = options;
    this.#socket = socket;
    this.#outbox = new Outbox({
      socket,
      clock,
      replyReadMsMax: limits.replyReadMsMax,
      unread: () => {
        options.unread();
        this.destroy();
      },
    });
    this.sender = new Sender(this.#outbox);
    this.#reader = new FrameReader(this);
    this.#decoder = new HeaderDecoder(limits);
    this.#guard = new FloodGuard(clock.nowMs());
    this.#greet();
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    readInto(socket, readMemory, (bytes) => this.#take(readMemory.subarray(0, bytes)));
    socket.on("drain", () => this.#drained());
    socket.on("error", () => {});
    // A caller who sends no more has left, also where its socket may stay half open.
    socket.once("end", () => this.#endSocket());
    socket.once("close", () => this.#over());
    socket.resume();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes that no system call has taken. */
  get unsentBytes(): number {
    return this.#outbox.unsentBytes;
  }

  #greet(): void {
    const bytes = ownSettings({ ...this.#options.limits, streamWindowBytes });
    this.sender.frame({ type: frameType.settings, flags: 0, stream: 0 }, bytes);
    this.#widenConnection(connectionWindowBytes - defaultWindowBytes);
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof ConnectionFault)) throw thrown;
      this.#fail(thrown.code);
    }
    if (this.#outbox.isOverfull) this.#socket.pause();
  }

  #drained(): void {
    if (this.#isOver) return;
    this.sender.pumpAll();
    if (!this.#outbox.isOverfull && this.#socket.isPaused()) this.#socket.resume();
  }

  frame(head: FrameHead, bytes: Buffer, at: number): void {
    const { type } = head;
    if (!this.#isGreeted && type !== frameType.settings)
      throw fault("the first frame is no SETTINGS");
    if (this.#block !== undefined && type !== frameType.continuation) throw insideBlock();
    if (type === frameType.headers) this.#onHeaders(head, bytes, at);
    else if (type === frameType.continuation) this.#onContinuation(head, bytes, at);
    else if (type === frameType.windowUpdate) this.#onWindowUpdate(head, bytes, at);
    else if (type === frameType.reset) this.#onReset(head);
    else if (type === frameType.settings) this.#onSettings(head, bytes, at);
    else if (type === frameType.ping) this.#onPing(head, bytes, at);
    else if (type === frameType.goAway) this.#onGoAway(head);
    else if (type === frameType.priority) this.#onPriority(head, bytes, at);
    else if (type === frameType.push) throw fault("a caller may not push");
    else this.#guard.idleFrame(this.#options.clock.nowMs());
  }

  #onHeaders(head: FrameHead, bytes: Buffer, start: number): void {
    const { stream, flags } = head;
    if (stream % 2 === 0) throw fault("a request on an even stream");
    let at = start;
    let end = start + head.length;
    if ((flags & frameFlag.padded) !== 0) {
      end -= head.length === 0 ? 1 : (bytes[at] as number);
      at += 1;
    }
    const hasPriority = (flags & frameFlag.priority) !== 0;
    if (at + (hasPriority ? 5 : 0) > end) throw fault("HEADERS with more padding than bytes");
    if (hasPriority) {
      if (parentOf(bytes, at) === stream) throw fault("a stream that depends on itself");
      at += 5;
    }
    const isLast = (flags & frameFlag.endStream) !== 0;
    if ((flags & frameFlag.endHeaders) !== 0) {
      this.#onBlock(stream, this.#decoder.decode(bytes, at, end), isLast);
      return;
    }
    const room = new ByteRoom();
    room.add(bytes, at, end);
    this.#block = { stream, isLast, bytes: room };
  }

  #onContinuation(head: FrameHead, bytes: Buffer, at: number): void {
    const block = this.#block;
    if (block === undefined || block.stream !== head.stream) throw insideBlock();
    this.#guard.idleFrame(this.#options.clock.nowMs());
    const { headerBytesMax } = this.#options.limits;
    if (block.bytes.length + head.length > Math.max(blockBytesMin, 2 * headerBytesMax)) {
      throw new ConnectionFault(errorCode.calm, "a header block without an end");
    }
    block.bytes.add(bytes, at, at + head.length);
    if ((head.flags & frameFlag.endHeaders) === 0) return;
    this.#block = undefined;
    const all = block.bytes.take();
    this.#onBlock(block.stream, this.#decoder.decode(all, 0, all.length), block.isLast);
  }

  #onBlock(id: number, list: HeaderList, isLast: boolean): void {
    if (id > this.#lastId) {
      this.#open(id, list, isLast);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      const known = this.#closed.find(id);
      // What was on its way when the stream was reset here.
      if (known === "reset") return;
      if (known === "ended") throw streamClosed();
      throw fault("a stream with a lower number than one before");
    }
    if (stream.isRemoteEnded) throw streamClosed();
    if (!isLast || !areTrailers(list)) this.#streamFault(stream, errorCode.protocol);
    else this.#ended(stream);
  }

  #open(id: number, list: HeaderList, isBodiless: boolean): void {
    // What was opened after the last word is not answered: the caller was told.
    if (this.#isLeaving) return;
    this.#lastId = id;
    const head = headOf(list);
    if (this.#streams.size >= this.#options.limits.http2StreamsMax) {
      this.#refuse(id, errorCode.refused);
      return;
    }
    if (!head.isFit || (isBodiless && head.contentBytes > 0)) {
      this.#refuse(id, errorCode.protocol);
      return;
    }
    const stream = new CallStream(this, id, head.contentBytes);
    this.#streams.set(id, stream);
    this.#options.opened(stream, head);
    if (isBodiless) stream.arrivedAll();
  }

  #refuse(id: number, code: number): void {
    this.#guard.reset(this.#options.clock.nowMs());
    this.sender.control({ type: frameType.reset, flags: 0, stream: id }, [code]);
    this.#closed.add(id, true);
  }

  dataBegins(head: FrameHead): void {
    if (!this.#isGreeted) throw fault("the first frame is no SETTINGS");
    if (this.#block !== undefined) throw insideBlock();
    const { stream: id, length, flags } = head;
    if (id === 0) throw fault("DATA on stream 0");
    this.#taken += length;
    if (this.#taken > connectionWindowBytes) {
      throw new ConnectionFault(errorCode.flowControl, "more than the window of the connection");
    }
    if (length === 0) this.#guard.idleFrame(this.#options.clock.nowMs());
    this.#dataFlags = flags;
    this.#isPadRead = (flags & frameFlag.padded) === 0;
    if (!this.#isPadRead && length === 0) throw fault("DATA with more padding than bytes");
    this.#contentLeft = length;
    this.#data = this.#receiver(id, length);
  }

  /** The stream that a DATA frame is for; `undefined` when nobody wants it any more. */
  #receiver(id: number, length: number): CallStream | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      if (id > this.#lastId) {
        if (this.#isLeaving) return undefined;
        throw fault("DATA on a stream that is not open");
      }
      if (this.#closed.find(id) !== "reset") this.#refuse(id, errorCode.streamClosed);
      return undefined;
    }
    if (stream.isRemoteEnded) {
      this.#streamFault(stream, errorCode.streamClosed);
      return undefined;
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow >= 0) return stream;
    this.#streamFault(stream, errorCode.flowControl);
    return undefined;
  }

  dataPart(bytes: Buffer, start: number, end: number): void {
    let at = start;
    const length = this.#contentLeft;
    if (!this.#isPadRead) {
      this.#isPadRead = true;
      const padBytes = bytes[at] as number;
      if (padBytes >= length) throw fault("DATA with more padding than bytes");
      this.#contentLeft = length - 1 - padBytes;
      this.#data?.padded(1 + padBytes);
      at += 1;
    }
    const stop = Math.min(end, at + this.#contentLeft);
    if (stop === at) return;
    this.#contentLeft -= stop - at;
    const stream = this.#data;
    if (stream === undefined || stream.isGone) return;
    if ((this.#dataFlags & frameFlag.endStream) !== 0 && this.#contentLeft === 0) {
      // Nothing more comes: it need not be told that it may send more.
      stream.isAllSent = true;
    }
    if (stream.contentLeft >= 0) {
      stream.contentLeft -= stop - at;
      if (stream.contentLeft < 0) {
        this.#streamFault(stream, errorCode.protocol);
        return;
      }
    }
    stream.arrived(bytes, at, stop);
  }

  dataEnds(): void {
    const stream = this.#data;
    this.#data = undefined;
    const isLast = (this.#dataFlags & frameFlag.endStream) !== 0;
    if (isLast && stream !== undefined && !stream.isGone) this.#ended(stream);
    if (this.#taken >= connectionWindowBytes / 2) {
      const bytes = this.#taken;
      this.#taken = 0;
      this.#widenConnection(bytes);
    }
  }

  #ended(stream: CallStream): void {
    if (stream.contentLeft > 0) this.#streamFault(stream, errorCode.protocol);
    else stream.arrivedAll();
  }

  #onWindowUpdate({ stream: id, length }: FrameHead, bytes: Buffer, at: number): void {
    if (length !== 4) throw frameSize();
    const more = bytes.readUInt32BE(at) & 0x7fffffff;
    if (id === 0) {
      if (more === 0) throw fault("a window grows by nothing");
      this.sender.widen(more);
      return;
    }
    if (id > this.#lastId && !this.#isLeaving) throw fault("a window of a stream that is not open");
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (more === 0) {
      this.#streamFault(stream, errorCode.protocol);
      return;
    }
    stream.sendWindow += more;
    if (stream.sendWindow > windowBytesMax) this.#streamFault(stream, errorCode.flowControl);
    else if (stream.hasUnsent) this.sender.pump(stream);
  }

  #onReset({ stream: id, length }: FrameHead): void {
    if (length !== 4) throw frameSize();
    if (id === 0 || (id > this.#lastId && !this.#isLeaving)) throw fault("a reset of no stream");
    this.#guard.reset(this.#options.clock.nowMs());
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#close(stream, false);
  }

  #onPriority({ stream: id, length }: FrameHead, bytes: Buffer, at: number): void {
    if (id === 0) throw fault("a priority of no stream");
    this.#guard.idleFrame(this.#options.clock.nowMs());
    if (length === 5) {
      if (parentOf(bytes, at) === id) throw fault("a stream that depends on itself");
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) throw frameSize();
    this.#streamFault(stream, errorCode.frameSize);
  }

  #onSettings({ stream, length, flags }: FrameHead, bytes: Buffer, at: number): void {
    if (stream !== 0) throw fault("SETTINGS on a stream");
    if ((flags & frameFlag.ack) !== 0) {
      if (length !== 0) throw frameSize();
      return;
    }
    this.#guard.idleFrame(this.#options.clock.nowMs());
    applySettings(bytes.subarray(at, at + length), this.sender, this.#streams.values());
    this.#acknowledge(frameType.settings, []);
    if (this.#isGreeted) return;
    this.#isGreeted = true;
    this.#options.greeted();
  }

  #onPing({ stream, length, flags }: FrameHead, bytes: Buffer, at: number): void {
    if (stream !== 0) throw fault("PING on a stream");
    if (length !== 8) throw frameSize();
    if ((flags & frameFlag.ack) !== 0) {
      const act = this.#ping;
      this.#ping = undefined;
      act?.();
      return;
    }
    const words = [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
    this.#acknowledge(frameType.ping, words);
  }

  #acknowledge(type: number, words: readonly number[]): void {
    this.#guard.answer(this.#outbox.waitingAcks);
    this.#outbox.noteAck();
    this.sender.control({ type, flags: frameFlag.ack, stream: 0 }, words);
  }

  #onGoAway({ stream, length }: FrameHead): void {
    if (stream !== 0) throw fault("GOAWAY on a stream");
    if (length < 8) throw frameSize();
    this.#isPeerLeaving = true;
    this.#leaveIfDone();
  }

  /** Asks whether the peer is there; `act` runs when it answers. One question at a time. */
  ping(act: () => void): void {
    this.#ping = act;
    this.sender.control({ type: frameType.ping, flags: 0, stream: 0 }, [0, 0]);
  }

  /** Says that the caller's next calls belong elsewhere, and serves on. */
  announceClose(): void {
    if (!this.#isOver && !this.#isLeaving) this.#goAway(errorCode.none, windowBytesMax);
  }

  /** Takes no more calls, and ends when those that are open have. */
  close(): void {
    if (this.#isOver || this.#isLeaving) return;
    this.#goAway(errorCode.none, this.#lastId);
    this.#isLeaving = true;
    this.#leaveIfDone();
  }

  /** Ends it at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#over();
  }

  widen(stream: CallStream, bytes: number): void {
    stream.receiveWindow += bytes;
    this.sender.control({ type: frameType.windowUpdate, flags: 0, stream: stream.id }, [bytes]);
  }

  #widenConnection(bytes: number): void {
    this.sender.control({ type: frameType.windowUpdate, flags: 0, stream: 0 }, [bytes]);
  }

  closeStream(stream: CallStream): void {
    this.#close(stream, false);
  }

  resetStream(stream: CallStream, code: number): void {
    this.sender.control({ type: frameType.reset, flags: 0, stream: stream.id }, [code]);
    this.#close(stream, true);
  }

  /** The caller broke a rule of one stream. */
  #streamFault(stream: CallStream, code: number): void {
    this.#guard.reset(this.#options.clock.nowMs());
    this.resetStream(stream, code);
  }

  #close(stream: CallStream, isReset: boolean): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#closed.add(stream.id, isReset);
    this.sender.forget(stream);
    stream.gone();
    this.#leaveIfDone();
  }

  #leaveIfDone(): void {
    if (this.#streams.size > 0 || !(this.#isLeaving || this.#isPeerLeaving)) return;
    this.#endSocket();
  }

  #goAway(code: number, lastId: number): void {
    this.sender.control({ type: frameType.goAway, flags: 0, stream: 0 }, [lastId, code]);
  }

  #fail(code: number): void {
    this.#goAway(code, this.#lastId);
    this.#endSocket();
    this.#over();
  }

  #endSocket(): void {
    this.#outbox.flush();
    this.#socket.destroySoon();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of [...this.#streams.values()]) this.#close(stream, true);
    this.#options.closed();
  }
}

/** The stream that a priority names. */
function parentOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) & 0x7fffffff;
}
