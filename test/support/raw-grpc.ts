/**
 * A gRPC client of frames by hand: windows of any size, frames of any length, writes of any length.
 *
 * It keeps the windows of both sides to the byte, and says so when the server does not.
 */
import { connect, type Socket } from "node:net";
import { HeaderDecoder } from "../../src/doors/grpc/http2/headers/header-decoder.ts";
import {
  block,
  callFields,
  data,
  type Frame,
  flag,
  frame,
  framesOf,
  preface,
  setting,
  settings,
  settingsAck,
  type,
  windowUpdate,
} from "./http2-frames.ts";
import type { Seeded } from "./seeded.ts";

export interface RawTerms {
  /** What the server may send ahead on one stream, byte; at least 1. */
  readonly windowBytes: number;
  /** Largest DATA frame, and largest write, byte. */
  readonly frameBytesMax: number;
  readonly writeBytesMax: number;
}

/** How a call ended. */
export interface RawEnd {
  readonly status: string;
  readonly message: string;
  readonly body: Buffer;
}

interface OpenCall {
  sendWindow: number;
  receiveWindow: number;
  readonly chunks: Buffer[];
  readonly fields: Map<string, string>;
  readonly done: (end: RawEnd) => void;
  readonly failed: (error: Error) => void;
}

export class RawGrpc {
  readonly #random: Seeded;
  readonly #terms: RawTerms;
  readonly #socket: Socket;
  readonly #decoder = new HeaderDecoder({ headerBytesMax: 64 * 1024 });
  readonly #calls = new Map<number, OpenCall>();
  #rest: Buffer = Buffer.alloc(0);
  #nextId = 1;
  #sendWindow = 65_535;
  #receiveWindow = 65_535;
  #initialWindow = 65_535;
  #waiting: (() => void)[] = [];

  constructor(target: string, random: Seeded, terms: RawTerms) {
    this.#random = random;
    this.#terms = terms;
    const [host = "", port = ""] = target.split(":");
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#failAll("the connection ended"));
    this.#socket.on("data", (chunk: Buffer) => this.#hear(chunk));
    this.#write(Buffer.concat([preface, settings([setting.window, terms.windowBytes])]));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends `body`, whole messages with their prefixes, and gives the end. */
  async call(path: string, body: Buffer): Promise<RawEnd> {
    const id = this.#nextId;
    this.#nextId += 2;
    const { promise, resolve, reject } = Promise.withResolvers<RawEnd>();
    const call: OpenCall = {
      sendWindow: this.#initialWindow,
      receiveWindow: this.#terms.windowBytes,
      chunks: [],
      fields: new Map(),
      done: resolve,
      failed: reject,
    };
    this.#calls.set(id, call);
    this.#write(this.#head(id, path));
    await this.#send(id, call, body);
    return await promise;
  }

  #head(stream: number, path: string): Buffer {
    const bytes = block({ ...callFields, ":path": path });
    if (!this.#random.once(3))
      return frame(type.headers, bytes, { flags: flag.endHeaders, stream });
    const cut = this.#random.below(bytes.length);
    return Buffer.concat([
      frame(type.headers, bytes.subarray(0, cut), { stream }),
      frame(type.continuation, bytes.subarray(cut), { flags: flag.endHeaders, stream }),
    ]);
  }

  async #send(id: number, call: OpenCall, body: Buffer): Promise<void> {
    const random = this.#random;
    for (let at = 0; at < body.length && this.#calls.has(id); ) {
      const padBytes = random.once(10) ? random.below(20) : undefined;
      const spare = padBytes === undefined ? 0 : padBytes + 1;
      const window = Math.min(this.#sendWindow, call.sendWindow) - spare;
      if (window <= 0) {
        await new Promise<void>((done) => this.#waiting.push(done));
        continue;
      }
      const wanted = 1 + random.below(this.#terms.frameBytesMax);
      const content = body.subarray(at, at + Math.min(wanted, window, 16_384 - spare));
      at += content.length;
      const isLast = at === body.length && random.once(2);
      this.#sendWindow -= content.length + spare;
      call.sendWindow -= content.length + spare;
      this.#write(data(id, content, { isLast, ...(padBytes === undefined ? {} : { padBytes }) }));
      if (isLast) return;
      // Others speak between.
      if (random.once(8)) await new Promise((done) => setImmediate(done));
    }
    if (this.#calls.has(id)) this.#write(data(id, "", { isLast: true }));
  }

  #write(bytes: Buffer): void {
    const { writeBytesMax } = this.#terms;
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + this.#random.below(writeBytesMax);
      this.#socket.write(bytes.subarray(at, at + size));
      at += size;
    }
  }

  #hear(chunk: Buffer): void {
    const { frames, rest } = framesOf(Buffer.concat([this.#rest, chunk]));
    this.#rest = Buffer.from(rest);
    for (const each of frames) this.#take(each);
  }

  #take({ type: kind, flags, stream, payload }: Frame): void {
    const isLast = (flags & flag.endStream) !== 0;
    if (kind === type.settings && (flags & flag.ack) === 0) this.#onSettings(payload);
    else if (kind === type.windowUpdate) this.#onWindow(stream, payload.readUInt32BE(0));
    else if (kind === type.goAway) this.#failAll(`GOAWAY ${payload.readUInt32BE(4)}`);
    else if (kind === type.data) this.#onData(stream, payload);
    else if (kind === type.headers) this.#onHeaders(stream, payload, isLast);
    else if (kind === type.reset) {
      this.#end(stream, (call) => call.failed(new Error(`RST ${payload.readUInt32BE(0)}`)));
    }
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== setting.window) continue;
      const more = payload.readUInt32BE(at + 2) - this.#initialWindow;
      this.#initialWindow += more;
      for (const call of this.#calls.values()) call.sendWindow += more;
    }
    this.#write(settingsAck);
    this.#wake();
  }

  #onWindow(stream: number, more: number): void {
    const call = this.#calls.get(stream);
    if (stream === 0) this.#sendWindow += more;
    else if (call !== undefined) call.sendWindow += more;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  #onData(stream: number, payload: Buffer): void {
    const bytes = payload.length;
    this.#receiveWindow -= bytes;
    const call = this.#calls.get(stream);
    if (call !== undefined) {
      call.receiveWindow -= bytes;
      call.chunks.push(Buffer.from(payload));
      if (call.receiveWindow < 0) this.#failAll("more than the window of the stream came");
      call.receiveWindow += bytes;
    }
    if (this.#receiveWindow < 0) this.#failAll("more than the window of the connection came");
    if (bytes === 0) return;
    this.#receiveWindow += bytes;
    this.#write(Buffer.concat([windowUpdate(0, bytes), windowUpdate(stream, bytes)]));
  }

  #onHeaders(stream: number, payload: Buffer, isLast: boolean): void {
    const { fields } = this.#decoder.decode(payload, 0, payload.length);
    const call = this.#calls.get(stream);
    for (const { name, value } of fields) call?.fields.set(name, value);
    if (!isLast) return;
    this.#end(stream, ({ done, chunks, fields: all }) =>
      done({
        status: all.get("grpc-status") ?? "",
        message: decodeURIComponent(all.get("grpc-message") ?? ""),
        body: Buffer.concat(chunks),
      }),
    );
  }

  #end(stream: number, act: (call: OpenCall) => void): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    if (call !== undefined) act(call);
    this.#wake();
  }

  #failAll(why: string): void {
    for (const id of [...this.#calls.keys()]) this.#end(id, (call) => call.failed(new Error(why)));
  }
}
