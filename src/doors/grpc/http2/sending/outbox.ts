/**
 * What a connection has to send: frames are written one behind the other into a slab, and all that
 * one turn of the event loop produced leaves by one system call.
 *
 * Large bytes are not copied: they are sent from where they lie. Bounded: streams stop to send
 * while `isFull`, and nothing is read from a caller while `isOverfull`.
 */
import type { Clock, Timer } from "../../../../base/index.ts";
import { takenBytes, type UnreadLine } from "../../../../transport/index.ts";
import type { CallerSocket } from "./caller-socket.ts";

export interface OutboxOptions {
  readonly socket: CallerSocket;
  readonly clock: Clock;
  /** Where what the system does not take is counted. */
  readonly line: UnreadLine;
  /** How long a reader may take nothing, ms. */
  readonly replyReadMsMax: number;
  /** Called when a reader took nothing for so long. */
  unread(): void;
}

const slabBytes = 64 * 1024;
const fullBytes = 1024 * 1024;
const overfullBytes = 2 * 1024 * 1024;
const nothing = Buffer.alloc(0);
/** From here on bytes are sent from where they lie. */
const copyBytesMax = 2_048;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #socket: CallerSocket;
  #slab = Buffer.alloc(0);
  /** What of the slab is not in `#parts` yet. */
  #from = 0;
  #at = 0;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #isScheduled = false;
  #watch: Timer | undefined;
  /** Bytes that were last counted as waiting. */
  #counted = 0;
  /** Answers to frames of control that no system call has taken, and those not written yet. */
  #acks = 0;
  #acksUnwritten = 0;
  /** Wait for what is written next; one a reply of large tensors. */
  #takers: (() => void)[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#socket = options.socket;
  }

  /** Where what was reserved last is to be written. */
  get slab(): Buffer {
    return this.#slab;
  }

  /** Bytes that no system call has taken. */
  get unsentBytes(): number {
    return this.#partBytes + this.#at - this.#from + this.#socket.writableLength;
  }

  /** True while streams have to wait. */
  get isFull(): boolean {
    return this.unsentBytes > fullBytes;
  }

  /** True while nothing more should be read that makes more to send. */
  get isOverfull(): boolean {
    return this.unsentBytes > overfullBytes;
  }

  /** Bytes that the system has taken, also of a write that is not over. */
  get takenBytes(): number {
    return takenBytes(this.#socket) ?? 0;
  }

  /** Answers to PING and SETTINGS that no system call has taken. */
  get waitingAcks(): number {
    return this.#acks;
  }

  /** The next bytes are the answer to a frame of control. */
  noteAck(): void {
    this.#acks += 1;
    this.#acksUnwritten += 1;
  }

  /** Room for `bytes` in `slab`. REQUIRES: they are written before the next call. @returns where */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.#slab.length) {
      this.#cut();
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes));
      this.#from = 0;
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += bytes;
    this.#schedule();
    return at;
  }

  /** Sends bytes. REQUIRES: nobody changes them afterwards. */
  append(bytes: Uint8Array): void {
    if (bytes.length <= copyBytesMax) {
      const at = this.reserve(bytes.length);
      this.#slab.set(bytes, at);
      return;
    }
    this.#cut();
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
    this.#schedule();
  }

  /** Calls `act` once the system has taken all that was appended; never when that fails. */
  onTaken(act: () => void): void {
    this.#takers.push(act);
    this.#schedule();
  }

  /** Hands what there is to the socket. */
  flush(): void {
    this.#isScheduled = false;
    this.#cut();
    const parts = this.#parts;
    if (parts.length === 0 && this.#takers.length > 0) parts.push(nothing);
    if (parts.length === 0) return;
    this.#parts = [];
    this.#partBytes = 0;
    const socket = this.#socket;
    if (!socket.writable) return;
    if (parts.length > 1) socket.cork();
    const last = this.#lastWritten();
    for (let at = 0; at < parts.length - 1; at += 1) {
      socket.write(parts[at] as Uint8Array, this.#written);
    }
    socket.write(parts[parts.length - 1] as Uint8Array, last);
    if (parts.length > 1) socket.uncork();
    if (socket.writableLength === 0) return;
    this.#watch ??= this.#watchSoon();
    this.#count();
  }

  readonly #written = (): void => {
    if (this.#watch === undefined) return;
    this.#count();
    if (this.#socket.writableLength > 0) return;
    this.#watch.cancel();
    this.#watch = undefined;
  };

  #count(): void {
    const bytes = this.#socket.writableLength;
    this.#options.line.count(bytes - this.#counted);
    this.#counted = bytes;
  }

  /** What is done when the last part of a write is taken. */
  #lastWritten(): (error?: Error | null) => void {
    const acks = this.#acksUnwritten;
    const takers = this.#takers;
    if (acks === 0 && takers.length === 0) return this.#written;
    this.#acksUnwritten = 0;
    this.#takers = [];
    return (error) => {
      this.#acks -= acks;
      this.#written();
      if (error === undefined || error === null) for (const act of takers) act();
    };
  }

  /** Looks whether anything was taken since now. */
  #watchSoon(): Timer {
    const { clock, replyReadMsMax, unread } = this.#options;
    const before = this.takenBytes;
    return clock.after(replyReadMsMax, () => {
      this.#watch = undefined;
      if (this.#socket.destroyed || this.#socket.writableLength === 0) return;
      if (this.takenBytes === before) unread();
      else this.#watch = this.#watchSoon();
    });
  }

  readonly #flushSoon = (): void => this.flush();

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.clock.soon(this.#flushSoon);
  }

  #cut(): void {
    if (this.#at === this.#from) return;
    this.#parts.push(this.#slab.subarray(this.#from, this.#at));
    this.#partBytes += this.#at - this.#from;
    this.#from = this.#at;
  }
}
