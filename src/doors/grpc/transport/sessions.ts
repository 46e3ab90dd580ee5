/**
 * The HTTP/2 connections: who is still there, and how they are told to leave.
 *
 * A connection that says nothing of HTTP/2 within `headersReadMsMax` is ended. Each is asked now
 * and then whether it is there, and ended when it does not answer in time. On a drain each is told
 * at once that its next calls belong elsewhere (GOAWAY with the highest id: what is on its way is
 * still served; a connection opened later is not told, or its caller would never get through), and
 * at the stop that nothing more is taken.
 */
import type { Socket } from "node:net";
import type { Clock, LimitName, Limits, Timer } from "../../../base/index.ts";
import type { UnreadReplies } from "../../../transport/index.ts";
import type { CallStream } from "../http2/call-stream.ts";
import { Connection } from "../http2/connection.ts";
import type { RequestHead } from "../http2/headers/call-headers.ts";

export interface SessionsOptions {
  readonly limits: Limits;
  readonly unread: UnreadReplies;
  readonly clock: Clock;
  readonly keepAliveMs: number;
  limitHit(name: LimitName): void;
  /** A call began. Sets the sink of its stream; may not throw. */
  opened(stream: CallStream, head: RequestHead): void;
}

/** How long a connection may take to answer when it is asked, ms. */
const answerMsMax = 20_000;

export class Sessions {
  readonly #options: SessionsOptions;
  /** At most one for each connection, of which there are connectionsMax. */
  readonly #open = new Map<Connection, Socket>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** The sockets of connections whose reader has not yet taken all that there is for it. */
  *unsent(): Generator<Socket> {
    for (const [connection, socket] of this.#open) if (connection.hasUnsent) yield socket;
  }

  /** Speaks HTTP/2 on a new socket, whose time to say so counts from `sinceMs`. */
  add(socket: Socket, sinceMs: number): void {
    const { clock, limits, unread, keepAliveMs, limitHit, opened } = this.#options;
    const connection = new Connection({
      socket,
      clock,
      limits,
      unread,
      opened,
      greeted: () => preface.cancel(),
      limitHit,
      closed: () => {
        preface.cancel();
        next.cancel();
        late?.cancel();
        this.#open.delete(connection);
      },
    });
    this.#open.set(connection, socket);
    let late: Timer | undefined;
    const ask = (): void => {
      next = clock.after(keepAliveMs, ask);
      if (late !== undefined) return;
      late = clock.after(answerMsMax, () => connection.destroy());
      connection.ping(() => {
        late?.cancel();
        late = undefined;
      });
    };
    const leftMs = Math.max(0, sinceMs + limits.headersReadMsMax - clock.nowMs());
    const preface = clock.after(leftMs, () => connection.destroy());
    let next = clock.after(keepAliveMs, ask);
  }

  announceClose(): void {
    for (const connection of this.#open.keys()) connection.announceClose();
  }

  close(): void {
    for (const connection of this.#open.keys()) connection.close();
  }

  destroy(): void {
    for (const connection of this.#open.keys()) connection.destroy();
  }
}
