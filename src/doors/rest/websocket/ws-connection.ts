/**
 * The only file that knows the package `ws`, which speaks the WebSocket protocol (RFC 6455).
 *
 * It refuses wrong frames by itself: unmasked ones, reserved bits, bad UTF-8, messages over their
 * size, too many fragments, a flood of pings. Compression is off: a compressed message is a bomb
 * and a context of memory for each socket. What is sent in one turn of the loop leaves in one
 * write.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { ServingError } from "../../../base/index.ts";
import { takenBytes } from "../../../transport/index.ts";
import type { Upgrade } from "../http/upgrade.ts";

/** One open WebSocket. */
export interface SocketConnection {
  /** Bytes written that the reader has not taken. */
  readonly unreadBytes: number;
  /** Bytes that came in so far, frames and all. */
  readonly receivedBytes: number;
  /** Bytes that the reader has taken so far. */
  readonly takenBytes: number;
  /** Sends a text message; `taken` is called when it has left. */
  sendText(text: string, taken: () => void): void;
  /** Sends the parts as one binary message. REQUIRES: at least one. */
  sendBinary(parts: readonly Uint8Array[], taken: () => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  /** Begins the closing handshake; what was sent goes out before. */
  close(code: CloseCode, reason: string): void;
  /** Ends the connection at once. */
  terminate(): void;
}

/** Going away; against a rule; too big; our fault; overloaded (RFC 6455, 7.4.1). */
export type CloseCode = 1001 | 1008 | 1009 | 1011 | 1013;

/** What a connection tells. */
export interface SocketEvents {
  message(bytes: Buffer, isBinary: boolean): void;
  /** A ping or pong came. */
  heard(): void;
  /** The caller broke the protocol; the connection is being closed. */
  broken(isTooBig: boolean): void;
  /** It is over. Called once, and last. */
  closed(): void;
}

/** The parser's own bounds: fragments of a message, pieces of one frame, pongs that wait. */
const maxFragments = 1_024;
const maxBufferedChunks = 65_536;
const maxPendingAutoPongs = 16;
/** Time for the other side to answer a close, ms. */
const closeTimeout = 2_000;

/** Completes handshakes for messages of at most `payloadBytesMax`. */
export class Handshakes {
  readonly #server: WebSocketServer;
  /** What was wrong with the handshake at hand. */
  #fault: string | undefined;

  constructor(payloadBytesMax: number) {
    this.#server = new WebSocketServer({
      ...{ noServer: true, clientTracking: false, perMessageDeflate: false },
      ...{ maxPayload: payloadBytesMax, maxFragments, maxBufferedChunks },
      ...{ maxPendingAutoPongs, closeTimeout },
    });
    // Without a listener the package would answer by itself.
    this.#server.on("wsClientError", ({ message }) => {
      this.#fault = message;
    });
  }

  /**
   * Switches to WebSocket and calls `open`.
   * @throws INVALID_REQUEST the handshake itself is wrong
   */
  accept({ request, socket, head }: Upgrade, open: (of: SocketConnection) => SocketEvents): void {
    this.#fault = undefined;
    // The package reads headers by name, and ours keep only two of them (`body-request.ts`).
    Object.defineProperty(request, "headers", { value: headersOf(request) });
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      listen(ws, open(new WsConnection(ws, socket)));
    });
    if (this.#fault === undefined) return;
    throw new ServingError("INVALID_REQUEST", `not a handshake of WebSocket 13: ${this.#fault}`);
  }
}

/** The headers by lower-case name; of one that came twice, the first. */
function headersOf({ rawHeaders }: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers[(rawHeaders[index] ?? "").toLowerCase()] ??= rawHeaders[index + 1] ?? "";
  }
  return headers;
}

function listen(ws: WebSocket, events: SocketEvents): void {
  ws.on("message", (bytes: Buffer, isBinary) => events.message(bytes, isBinary));
  ws.on("ping", () => events.heard());
  ws.on("pong", () => events.heard());
  ws.on("error", (thrown: NodeJS.ErrnoException) => {
    const isTooBig =
      thrown.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ||
      thrown.code === "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH";
    events.broken(isTooBig);
  });
  ws.on("close", () => events.closed());
}

class WsConnection implements SocketConnection {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  #isCorked = false;

  constructor(ws: WebSocket, socket: Socket) {
    this.#ws = ws;
    this.#socket = socket;
  }

  get unreadBytes(): number {
    return this.#socket.writableLength;
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  get takenBytes(): number {
    return takenBytes(this.#socket) ?? 0;
  }

  sendText(text: string, taken: () => void): void {
    this.#cork();
    this.#ws.send(text, taken);
  }

  sendBinary(parts: readonly Uint8Array[], taken: () => void): void {
    this.#cork();
    const last = parts.length - 1;
    for (const [index, part] of parts.entries()) {
      if (index === last) this.#ws.send(part, { binary: true, fin: true }, taken);
      else this.#ws.send(part, { binary: true, fin: false });
    }
  }

  ping(): void {
    this.#ws.ping();
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  close(code: CloseCode, reason: string): void {
    // Its close frame can only be seen by one who reads.
    this.#ws.resume();
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  /** Holds what is sent until the turn ends: one system call for the answers of a whole batch. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }
}
