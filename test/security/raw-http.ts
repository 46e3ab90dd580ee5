/**
 * HTTP as bytes on a socket, for requests that no client library would send.
 *
 * Reads replies by their own framing (Content-Length, chunked, or none for HEAD and 1xx) and knows
 * nothing else, so that what the server puts on the wire is what a test sees.
 */
import { connect, type Socket } from "node:net";

export interface RawReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** One connection; what arrives is kept until it is read. */
export class RawConnection {
  readonly socket: Socket;
  /** Settles when the connection is over, whichever side ended it. */
  readonly closed: Promise<void>;
  isClosed = false;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};

  constructor(port: number, host = "127.0.0.1") {
    this.socket = connect({ port, host, noDelay: true, allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    // A reset is one way in which a refused connection may end.
    this.socket.on("error", () => {});
    this.socket.on("end", () => this.socket.end());
    this.closed = new Promise((done) => {
      this.socket.on("close", () => {
        this.isClosed = true;
        this.#wake();
        done();
      });
    });
  }

  get received(): Buffer {
    return this.#received;
  }

  /** Writes and waits until the bytes have left or the connection is over. */
  async send(bytes: Buffer | string): Promise<void> {
    await new Promise<void>((done) => {
      if (this.isClosed || !this.socket.writable) {
        done();
        return;
      }
      const settle = (): void => {
        this.socket.off("close", settle);
        done();
      };
      this.socket.once("close", settle);
      this.socket.write(bytes, settle);
    });
  }

  /** The next reply, or `undefined` when the connection ends before one is whole. */
  async reply(isBodiless = false, msMax = 20_000): Promise<RawReply | undefined> {
    const endMs = performance.now() + msMax;
    for (;;) {
      const found = parseReply(this.#received, isBodiless);
      if (found !== undefined) {
        this.#received = this.#received.subarray(found.bytes);
        return found.reply;
      }
      if (this.isClosed) return undefined;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`no reply within ${msMax} ms: ${this.#received}`);
      await this.#more(leftMs);
    }
  }

  /** All replies until the connection ends. */
  async replies(msMax = 20_000): Promise<RawReply[]> {
    const all: RawReply[] = [];
    for (let one = await this.reply(false, msMax); one !== undefined; ) {
      all.push(one);
      one = await this.reply(false, msMax);
    }
    return all;
  }

  /** True when the connection is over within `msMax`. */
  async endsWithin(msMax: number): Promise<boolean> {
    const endMs = performance.now() + msMax;
    while (!this.isClosed && performance.now() < endMs) await this.#more(endMs - performance.now());
    return this.isClosed;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #more(msMax: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, msMax);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

/** Sends `bytes` on a connection of its own and gives its first reply; the connection is ended. */
export async function askRaw(port: number, bytes: Buffer | string): Promise<RawReply | undefined> {
  const connection = new RawConnection(port);
  try {
    await connection.send(bytes);
    return await connection.reply();
  } finally {
    connection.destroy();
  }
}

interface Parsed {
  readonly reply: RawReply;
  readonly bytes: number;
}

function parseReply(bytes: Buffer, isBodiless: boolean): Parsed | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [first = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(first.split(" ")[1]);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const from = headEnd + 4;
  if (isBodiless || status < 200) {
    return { reply: { status, headers, body: Buffer.alloc(0) }, bytes: from };
  }
  if (headers.get("transfer-encoding") === "chunked") {
    const chunked = parseChunks(bytes, from);
    if (chunked === undefined) return undefined;
    return { reply: { status, headers, body: chunked.body }, bytes: chunked.end };
  }
  const end = from + Number(headers.get("content-length") ?? 0);
  if (bytes.length < end) return undefined;
  return { reply: { status, headers, body: bytes.subarray(from, end) }, bytes: end };
}

function parseChunks(bytes: Buffer, from: number): { body: Buffer; end: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    if (size === 0) return { body: Buffer.concat(parts), end };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = end;
  }
}

export interface PostOptions {
  readonly headers?: readonly string[];
  readonly type?: string;
}

/** The bytes of a POST with a Content-Length. */
export function postBytes(path: string, body: Buffer | string, options: PostOptions = {}): Buffer {
  const { headers = [], type = "application/json" } = options;
  const bytes = Buffer.from(body);
  const lines = [
    `POST ${path} HTTP/1.1`,
    "host: x",
    ...(type === "" ? [] : [`content-type: ${type}`]),
    `content-length: ${bytes.length}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}

/** `chunks` as one chunked body. */
export function chunked(chunks: readonly (Buffer | string)[]): Buffer {
  const parts: Buffer[] = [];
  for (const each of chunks) {
    const bytes = Buffer.from(each);
    parts.push(Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}
