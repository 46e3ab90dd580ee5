/**
 * One keep-alive connection of the load process: a request, its whole answer, the next request.
 *
 * A connection that ended is opened again by the next request. How it ended is told apart, because
 * a server may refuse a connection but never cut off an answer.
 */
import { connect, type Socket } from "node:net";

export type LoadReply =
  | {
      readonly kind: "whole";
      readonly status: number;
      /** Of the `x-error-code` header, or "". */
      readonly code: string;
      readonly hasRetryAfter: boolean;
      /** The server ends the connection. */
      readonly isLast: boolean;
      readonly body: string;
    }
  /** Not accepted; ended before a byte of the answer; ended inside it. */
  | { readonly kind: "refused" | "broken" | "truncated" };

const answerMsMax = 60_000;
const empty = Buffer.alloc(0);

export class LoadConnection {
  readonly #port: number;
  #socket: Socket | undefined;
  #isOpen = false;
  #received: Buffer = empty;
  #answer: ((reply: LoadReply) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** REQUIRES: no request is under way on it. */
  ask(path: string, body: string, answer: (reply: LoadReply) => void): void {
    this.#answer = answer;
    const socket = this.#socket ?? this.#open();
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  close(): void {
    this.#answer = undefined;
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    this.#socket = socket;
    this.#isOpen = false;
    this.#received = empty;
    socket.setTimeout(answerMsMax, () => socket.destroy());
    socket.on("connect", () => {
      this.#isOpen = true;
    });
    socket.on("data", (bytes) => this.#read(socket, bytes));
    socket.on("error", () => {});
    socket.on("close", () => this.#lost(socket));
    return socket;
  }

  #read(socket: Socket, bytes: Buffer): void {
    if (socket !== this.#socket) return;
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const head = this.#received.toString("latin1", 0, headEnd).toLowerCase();
    const end = headEnd + 4 + Number(headerOf(head, "content-length") ?? 0);
    if (this.#received.length < end) return;
    const body = this.#received.toString("utf8", headEnd + 4, end);
    this.#received = empty;
    const isLast = headerOf(head, "connection") === "close";
    if (isLast) {
      this.#socket = undefined;
      socket.destroy();
    }
    this.#settle({
      kind: "whole",
      status: Number(head.slice(9, 12)),
      code: (headerOf(head, "x-error-code") ?? "").toUpperCase(),
      hasRetryAfter: Number(headerOf(head, "retry-after")) >= 1,
      isLast,
      body,
    });
  }

  #lost(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    const kind = !this.#isOpen ? "refused" : this.#received.length > 0 ? "truncated" : "broken";
    this.#settle({ kind });
  }

  #settle(reply: LoadReply): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(reply);
  }
}

/** @param head in lower case */
function headerOf(head: string, name: string): string | undefined {
  const from = head.indexOf(`\r\n${name}:`);
  if (from === -1) return undefined;
  const start = from + name.length + 3;
  const end = head.indexOf("\r\n", start);
  return head.slice(start, end === -1 ? head.length : end).trim();
}
