/**
 * A caller of HTTP/2 of frames by hand, who answers pings and otherwise does what it is told: it
 * opens no window by itself.
 */
import { connect, type Socket } from "node:net";
import { prefixed } from "../../tools/grpc-requests.ts";
import {
  callFields,
  data,
  type Frame,
  flag,
  frame,
  framesOf,
  headers,
  preface,
  settings,
  settingsAck,
  type,
} from "./http2-frames.ts";

export interface FrameCallParts {
  readonly path: string;
  /** One message of gRPC, without its prefix. */
  readonly message: Uint8Array;
  readonly fields?: Readonly<Record<string, string>>;
  /** False leaves the request open. */
  readonly isLast?: boolean;
}

export class FrameCaller {
  readonly socket: Socket;
  /** What came so far, but answers to ours. */
  readonly frames: Frame[] = [];
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);
  #nextId = 1;
  #waiting: (() => void)[] = [];

  /** @param target `host:port` */
  constructor(target: string, ...pairs: readonly (readonly [id: number, value: number])[]) {
    const [host = "", port = ""] = target.split(":");
    this.socket = connect({ host, port: Number(port), noDelay: true });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Buffer) => this.#hear(chunk));
    this.socket.once("close", () => {
      this.isClosed = true;
      this.#tell();
    });
    this.say(preface, settings(...pairs));
  }

  say(...bytes: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** Begins a call; gives the number of its stream. */
  call({ path, message, fields, isLast = true }: FrameCallParts): number {
    const id = this.open({ ...callFields, ...fields, ":path": path });
    this.send(id, message, isLast);
    return id;
  }

  /** Opens a stream with these headers and nothing more. */
  open(fields: Readonly<Record<string, string>>, isLast = false): number {
    const id = this.#nextId;
    this.#nextId += 2;
    this.say(headers(id, { fields, isLast }));
    return id;
  }

  /** Sends a message of gRPC. REQUIRES: the windows take it. */
  send(id: number, message: Uint8Array, isLast = false): void {
    const bytes = prefixed(message);
    for (let at = 0; at < bytes.length; at += 16_384) {
      const end = Math.min(bytes.length, at + 16_384);
      this.say(data(id, bytes.subarray(at, end), { isLast: isLast && end === bytes.length }));
    }
  }

  /** Settles with what `find` gives as soon as it gives something; throws after `msMax`. */
  async until<Found>(find: () => Found | undefined, msMax = 15_000): Promise<Found> {
    const endMs = performance.now() + msMax;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`waited ${msMax} ms in vain, closed: ${this.isClosed}`);
      await new Promise<void>((done) => {
        this.#waiting.push(done);
        setTimeout(done, Math.min(leftMs, 50));
      });
    }
  }

  /** The code that a stream was reset with; `undefined` when it was not. */
  resetOf(id: number): number | undefined {
    const found = this.frames.find((each) => each.type === type.reset && each.stream === id);
    return found?.payload.readUInt32BE(0);
  }

  /** The code of the last farewell; `undefined` when there was none. */
  get farewell(): number | undefined {
    return this.frames.findLast((each) => each.type === type.goAway)?.payload.readUInt32BE(4);
  }

  /** Content of all DATA of a stream. */
  bodyOf(id: number): Buffer {
    const own = this.frames.filter((each) => each.type === type.data && each.stream === id);
    return Buffer.concat(own.map((each) => each.payload));
  }

  /** True once the server has ended the stream. */
  isEnded(id: number): boolean {
    return this.frames.some(
      (each) =>
        each.stream === id &&
        (each.type === type.headers || each.type === type.data) &&
        (each.flags & flag.endStream) !== 0,
    );
  }

  close(): void {
    this.socket.destroy();
  }

  #hear(chunk: Buffer): void {
    const { frames, rest } = framesOf(Buffer.concat([this.#rest, chunk]));
    this.#rest = rest;
    for (const each of frames) {
      const isAnswer = (each.flags & flag.ack) !== 0;
      if (each.type === type.ping && !isAnswer) {
        this.say(frame(type.ping, each.payload, { flags: flag.ack }));
      } else if (each.type === type.settings && !isAnswer) this.say(settingsAck);
      this.frames.push(each);
    }
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}
