/**
 * The HTTP/2 connections: who is still there, and how they are told to leave.
 *
 * A connection that says nothing of HTTP/2 within `headersReadMsMax` is ended. Each is asked now
 * and then whether it is there, and ended when it does not answer in time. On a drain each is told
 * at once that its next requests belong elsewhere (GOAWAY with the highest id: what is on its way
 * is still served; a connection opened later is not told, or its caller would never get through),
 * and at the stop that nothing more is taken.
 */
import type { ServerHttp2Session } from "node:http2";
import type { Clock, Limits, Timer } from "../base/index.ts";

export interface SessionsOptions {
  readonly limits: Pick<Limits, "headersReadMsMax">;
  readonly clock: Clock;
  readonly keepAliveMs: number;
}

/** How long a connection may take to answer when it is asked, ms. */
const answerMsMax = 20_000;
/** More than any id that a caller may use. */
const streamIdMax = 2 ** 31 - 1;

export class Sessions {
  readonly #options: SessionsOptions;
  /** At most one for each connection, of which there are connectionsMax. */
  readonly #open = new Set<ServerHttp2Session>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  add(session: ServerHttp2Session): void {
    const { clock, limits, keepAliveMs } = this.#options;
    this.#open.add(session);
    const ask = (): void => this.#ask(session);
    function askAgain(): void {
      ask();
      next = clock.after(keepAliveMs, askAgain);
    }
    session.on("error", () => {});
    session.setLocalWindowSize(sessionWindowBytes);
    const preface = clock.after(limits.headersReadMsMax, () => session.destroy());
    session.once("remoteSettings", () => preface.cancel());
    let next = clock.after(keepAliveMs, askAgain);
    session.once("close", () => {
      preface.cancel();
      next.cancel();
      this.#open.delete(session);
    });
  }

  announceClose(): void {
    for (const session of this.#open) {
      if (!session.destroyed && !session.closed) session.goaway(0, streamIdMax);
    }
  }

  close(): void {
    for (const session of this.#open) session.close();
  }

  destroy(): void {
    for (const session of this.#open) session.destroy();
  }

  #ask(session: ServerHttp2Session): void {
    if (session.destroyed || session.closed) return;
    const late: Timer = this.#options.clock.after(answerMsMax, () => session.destroy());
    const isSent = session.ping((error: Error | null) => {
      late.cancel();
      if (error !== null) session.destroy();
    });
    if (!isSent) late.cancel();
  }
}

/** What one connection may send ahead of being read, byte. */
const sessionWindowBytes = 4 * 1024 * 1024;
