/**
 * One keep-alive connection that sends one request at a time.
 *
 * A socket that broke is opened again by the next request; what broke is counted as a failed
 * request.
 */
import { connect, type Socket } from "node:net";
import { ReplyReader } from "./reply-reader.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** The whole request, head and body. */
  readonly bytes: Buffer;
}

/** Called at the end of each request: the status, or 0 when the connection broke. */
export type Answered = (status: number) => void;

/** The longest wait for an answer. */
const answerMsMax = 60_000;

export class Connection {
  readonly #target: Target;
  #socket: Socket | undefined;
  #reader = new ReplyReader();
  #answered: Answered | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  /** REQUIRES: no request is under way on it. */
  send(answered: Answered): void {
    this.#answered = answered;
    const socket = this.#socket ?? this.#open();
    socket.write(this.#target.bytes);
  }

  close(): void {
    this.#answered = undefined;
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: this.#target.host, port: this.#target.port, noDelay: true });
    this.#socket = socket;
    this.#reader = new ReplyReader();
    socket.setTimeout(answerMsMax, () => socket.destroy());
    socket.on("data", (bytes) => this.#read(socket, bytes));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#lost(socket));
    return socket;
  }

  #read(socket: Socket, bytes: Buffer): void {
    if (socket !== this.#socket) return;
    let status: number;
    try {
      const reply = this.#reader.push(bytes);
      if (reply === undefined) return;
      status = reply.status;
      if (reply.isLast) this.#forget(socket);
    } catch {
      // No HTTP: the connection is of no use, and `close` counts the request as failed.
      socket.destroy();
      return;
    }
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(status);
  }

  #forget(socket: Socket): void {
    this.#socket = undefined;
    socket.destroy();
  }

  #lost(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(0);
  }
}
