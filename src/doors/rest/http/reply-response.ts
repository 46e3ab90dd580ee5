/**
 * A response that leaves in one write to its socket.
 *
 * The stock class corks the socket, queues the text behind its head, uncorks, and settles what
 * follows in two more turns of its own; for a reply whose text is ready that is a tenth of the cost
 * of a small request. `sendWhole` writes head and text straight to the socket where it is this
 * response's turn, and says "finish", which is when Node takes up the next request. It also spares
 * the listener for the end of the connection that the stock class sets for each response: there is
 * one a connection (`connection/open-exchanges.ts`), which calls `connectionClosed`.
 *
 * Invariants: "finish" comes once, and not before the socket has taken every byte; a reply that is
 * not the next of its connection goes the stock way.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What Node keeps on a socket and a response for the two to know each other. */
interface HttpSocket extends Socket {
  _httpMessage?: ServerResponse | null;
}

interface ResponseFields {
  socket: Socket | null;
  _closed: boolean;
  _headerSent: boolean;
  _flush(): void;
}

const noBytes = new Uint8Array(0);

export class ReplyResponse extends ServerResponse {
  /** True once the system has taken every byte of `sendWhole`. */
  declare wasSentWhole: boolean;

  constructor(request: IncomingMessage) {
    super(request);
    this.wasSentWhole = false;
  }

  /** True once every byte was handed to the system. */
  get isSent(): boolean {
    return this.wasSentWhole || this.writableFinished;
  }

  onSent(act: () => void): void {
    this.once("finish", act);
  }

  override assignSocket(socket: Socket): void {
    const fields = this as ServerResponse as ServerResponse & ResponseFields;
    (socket as HttpSocket)._httpMessage = this;
    fields.socket = socket;
    fields._flush();
  }

  override detachSocket(socket: Socket): void {
    (socket as HttpSocket)._httpMessage = null;
    (this as ServerResponse as ServerResponse & ResponseFields).socket = null;
  }

  /**
   * Sends a ready head and its text; false, and nothing done, where the stock way has to be taken.
   * REQUIRES: nothing of this response was sent.
   */
  sendWhole(text: string, encoding: "latin1" | "utf8"): boolean {
    const socket = this.socket as HttpSocket | null;
    if (socket === null || socket._httpMessage !== this) return false;
    if (socket.writableLength > 0 || !socket.writable) return false;
    this.finished = true;
    (this as ServerResponse as ServerResponse & ResponseFields)._headerSent = true;
    socket.write(text, encoding);
    if (socket.writableLength === 0) finish(this);
    else socket.write(noBytes, () => finish(this));
    return true;
  }
}

/** A function and not a private method, which each new object would pay for. */
function finish(response: ReplyResponse): void {
  response.wasSentWhole = true;
  response.emit("finish");
}

/** Tells the response whose turn it is that its connection has ended, as the stock class would. */
export function connectionClosed(socket: Socket): void {
  const response = (socket as HttpSocket)._httpMessage;
  if (response === undefined || response === null) return;
  const fields = response as ServerResponse & ResponseFields;
  if (fields._closed) return;
  response.destroyed = true;
  fields._closed = true;
  response.emit("close");
}
