/**
 * WebSocket as bytes on a socket, for frames that no client library would send (RFC 6455, 5.2).
 */
import { RawConnection } from "./raw-http.ts";

export interface FrameParts {
  /** 1 text, 2 binary, 0 continuation, 8 close, 9 ping, 10 pong. */
  readonly opcode?: number;
  readonly isLast?: boolean;
  /** RSV1 to RSV3, as bits 4, 2, 1. */
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** The length that the head claims, where it is not that of the payload. */
  readonly claimed?: bigint;
}

/** One frame, wrong in any way. */
export function frame(payload: Buffer | string, parts: FrameParts = {}): Buffer {
  const { opcode = 1, isLast = true, reserved = 0, isMasked = true } = parts;
  const bytes = Buffer.from(payload);
  const length = parts.claimed ?? BigInt(bytes.length);
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = isMasked ? 0x80 : 0;
  let head: Buffer;
  if (length < 126n) head = Buffer.from([first, mask | Number(length)]);
  else if (length < 65_536n) {
    head = Buffer.from([first, mask | 126, 0, 0]);
    head.writeUInt16BE(Number(length), 2);
  } else {
    head = Buffer.from([first, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeBigUInt64BE(length, 2);
  }
  if (!isMasked) return Buffer.concat([head, bytes]);
  const key = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  return Buffer.concat([head, key, bytes.map((byte, at) => byte ^ (key[at % 4] ?? 0))]);
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export class RawSocket extends RawConnection {
  #read = 0;

  /** Opens a socket at `path`. @throws Error when the answer is not 101 */
  static async open(port: number, path: string): Promise<RawSocket> {
    const socket = new RawSocket(port);
    await socket.send(
      `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: Upgrade\r\n` +
        "upgrade: websocket\r\nsec-websocket-version: 13\r\n" +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await socket.#until(() => socket.received.includes("\r\n\r\n"));
    const head = socket.received.indexOf("\r\n\r\n") + 4;
    if (!socket.received.toString("latin1").startsWith("HTTP/1.1 101")) {
      throw new Error(socket.received.toString());
    }
    socket.#read = head;
    return socket;
  }

  /** The next frame, or `undefined` when the connection ends before one is whole. */
  async frame(msMax = 20_000): Promise<ReceivedFrame | undefined> {
    let found: { frame: ReceivedFrame; bytes: number } | undefined;
    await this.#until(() => {
      found = parse(this.received.subarray(this.#read));
      return found !== undefined || this.isClosed;
    }, msMax);
    this.#read += found?.bytes ?? 0;
    return found?.frame;
  }

  /** The code of the close frame, whatever came before it; `undefined` when there was none. */
  async closeCode(msMax = 20_000): Promise<number | undefined> {
    for (;;) {
      const next = await this.frame(msMax);
      if (next === undefined) return undefined;
      if (next.opcode === 8) return next.payload.readUInt16BE(0);
    }
  }

  async #until(isTrue: () => boolean, msMax = 20_000): Promise<void> {
    const endMs = performance.now() + msMax;
    while (!isTrue()) {
      if (performance.now() > endMs) throw new Error(`nothing came within ${msMax} ms`);
      if (this.isClosed) return;
      await new Promise((done) => setTimeout(done, 5));
    }
  }
}

function parse(bytes: Buffer): { frame: ReceivedFrame; bytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const head = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < head) return undefined;
  const length =
    short === 127
      ? Number(bytes.readBigUInt64BE(2))
      : short === 126
        ? bytes.readUInt16BE(2)
        : short;
  if (bytes.length < head + length) return undefined;
  const payload = bytes.subarray(head, head + length);
  return { frame: { opcode: (bytes[0] ?? 0) & 0x0f, payload }, bytes: head + length };
}
