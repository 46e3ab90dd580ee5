/**
 * One WebSocket connection as the client sees it: opened, replies, closed, each told once.
 */

/** What the client needs of a `WebSocket`. */
export interface WebSocketLike {
  /** Set to `arraybuffer` before anything comes. */
  binaryType?: string;
  send(content: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(kind: "open" | "message" | "close" | "error", act: (event: Event) => void): void;
}

/** Makes a connection, as `new WebSocket(url)` does. */
export type MakeWebSocket = (url: string) => WebSocketLike;

export interface LinkEvents {
  opened(): void;
  /** @param content text of a text frame; an ArrayBuffer for a binary one */
  received(content: unknown): void;
  /** @param closeCode 1006 when the connection broke or never was */
  closed(closeCode: number): void;
}

const normalClosure = 1000;
const abnormalClosure = 1006;

export class Link {
  readonly #socket: WebSocketLike;
  #hasEnded = false;

  constructor(socket: WebSocketLike, events: LinkEvents) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const end = (closeCode: number): void => {
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      events.closed(closeCode);
    };
    socket.addEventListener("open", () => {
      if (!this.#hasEnded) events.opened();
    });
    socket.addEventListener("message", (event) => {
      if (!this.#hasEnded) events.received(Reflect.get(event, "data"));
    });
    socket.addEventListener("close", (event) => {
      const code: unknown = Reflect.get(event, "code");
      end(typeof code === "number" && code !== 0 ? code : abnormalClosure);
    });
    // Some runtimes tell of a refused connection by an error alone.
    socket.addEventListener("error", () => end(abnormalClosure));
  }

  send(content: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(content);
  }

  /** Ends the connection; `closed` is not told of it. */
  close(): void {
    this.#hasEnded = true;
    this.#socket.close(normalClosure);
  }
}
