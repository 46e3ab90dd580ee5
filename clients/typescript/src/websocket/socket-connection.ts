/**
 * Many predictions in flight on one connection, which is made again when it ends.
 *
 * A request waits for a place (at most `inFlightMax` are at the server, at most `waitingMax` wait
 * here), is sent, and is answered by its id in whatever order. When the connection ends, those that
 * were at the server are sent again on the next one, as long as their attempts and the budget of
 * the client last: a prediction changes nothing, so asking twice does no harm. A caller who leaves
 * is answered at once; its place is free when the server's reply to it has come.
 *
 * closed --first predict--> connecting --open--> open --close event--> connecting | given up
 */
import type { Deadline } from "../call/deadline.ts";
import type { RetryBudget } from "../call/retry-budget.ts";
import type { Clock, Random, Timer } from "../clock.ts";
import { MillraceError } from "../millrace-error.ts";
import type { ReplyFrame } from "./frames.ts";
import { Link, type MakeWebSocket } from "./link.ts";
import { decideReconnect, type ReconnectRules } from "./reconnect-policy.ts";

export interface SocketSettings<Body> {
  /** `ws://host/predict/ws?model=churn` */
  readonly url: string;
  readonly make: MakeWebSocket;
  /** Reads what came; `undefined` for what is no reply. */
  readonly read: (content: unknown) => ReplyFrame<Body> | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: RetryBudget;
  /** Requests at the server, 1 or more. */
  readonly inFlightMax: number;
  /** Requests that wait for a place, 0 or more. */
  readonly waitingMax: number;
  /** Times that one request is sent. */
  readonly attemptsMax: number;
  readonly reconnect: ReconnectRules;
}

/** A frame as it is sent. */
export type Frame = string | Uint8Array<ArrayBuffer>;

interface Entry<Body> {
  readonly id: string;
  readonly frame: Frame;
  readonly done: (body: Body) => void;
  readonly fail: (error: MillraceError) => void;
  attempts: number;
  /** Its caller has an answer; only the place is still taken. */
  isSettled: boolean;
}

export class SocketConnection<Body> {
  readonly #settings: SocketSettings<Body>;
  /** At the server, by id; at most `inFlightMax`. */
  readonly #inFlight = new Map<string, Entry<Body>>();
  /** Not sent yet, oldest first; at most `waitingMax + inFlightMax` with those in flight. */
  #waiting: Entry<Body>[] = [];
  #link: Link | undefined;
  #isOpen = false;
  #isClosed = false;
  #failures = 0;
  #number = 0;
  #pause: Timer | undefined;

  constructor(settings: SocketSettings<Body>) {
    this.#settings = settings;
  }

  /**
   * @param write makes the frame for an id
   * @throws OVERLOADED when too many wait here; CONNECTION_FAILED; the server's error; the
   *   deadline's
   */
  async ask(write: (id: string) => Frame, deadline: Deadline): Promise<Body> {
    deadline.check();
    if (this.#isClosed) throw new MillraceError("CANCELLED", "the socket was closed");
    const { waitingMax, inFlightMax } = this.#settings;
    // Both together, so that the bound holds before there is a connection too.
    if (this.#waiting.length + this.#inFlight.size >= waitingMax + inFlightMax) {
      const text = `${waitingMax} requests wait for the socket already (waitingMax)`;
      throw new MillraceError("OVERLOADED", text);
    }
    this.#number += 1;
    const id = String(this.#number);
    const frame = write(id);
    const { signal } = deadline;
    return await new Promise<Body>((done, fail) => {
      const entry: Entry<Body> = { id, frame, done, fail, attempts: 0, isSettled: false };
      signal.addEventListener("abort", () => this.#leave(entry, signal.reason), { once: true });
      this.#waiting.push(entry);
      this.#pump();
    });
  }

  /** Ends the connection; what is under way fails with CANCELLED. */
  close(): void {
    this.#isClosed = true;
    this.#pause?.cancel();
    this.#link?.close();
    this.#failAll(new MillraceError("CANCELLED", "the socket was closed"));
  }

  #leave(entry: Entry<Body>, reason: MillraceError): void {
    this.#waiting = this.#waiting.filter((each) => each !== entry);
    this.#settle(entry, () => entry.fail(reason));
  }

  #settle(entry: Entry<Body>, act: () => void): void {
    if (entry.isSettled) return;
    entry.isSettled = true;
    act();
  }

  /** Sends what may be sent, and connects when there is nothing to send it on. */
  #pump(): void {
    if (this.#waiting.length === 0 || this.#isClosed) return;
    if (this.#link === undefined) {
      if (this.#pause === undefined) this.#connect();
      return;
    }
    while (this.#isOpen && this.#inFlight.size < this.#settings.inFlightMax) {
      const entry = this.#waiting.shift();
      if (entry === undefined) return;
      entry.attempts += 1;
      this.#inFlight.set(entry.id, entry);
      this.#link.send(entry.frame);
    }
  }

  #connect(): void {
    const { make, url } = this.#settings;
    this.#link = new Link(make(url), {
      opened: () => {
        this.#isOpen = true;
        this.#pump();
      },
      received: (content) => this.#receive(content),
      closed: (closeCode) => this.#lose(closeCode),
    });
  }

  #receive(content: unknown): void {
    const frame = this.#settings.read(content);
    const entry = frame === undefined ? undefined : this.#inFlight.get(frame.id);
    // A frame for nobody (an id that the server could not read) leaves its caller to the deadline.
    if (frame === undefined || entry === undefined) return;
    this.#failures = 0;
    this.#inFlight.delete(entry.id);
    const { error, body } = frame;
    if (error === undefined) {
      this.#settings.budget.succeeded();
      this.#settle(entry, () => entry.done(body));
    } else if (error.isRetryable && this.#mayRepeat(entry)) this.#waiting.push(entry);
    else this.#settle(entry, () => entry.fail(error));
    this.#pump();
  }

  #mayRepeat(entry: Entry<Body>): boolean {
    const { attemptsMax, budget } = this.#settings;
    return !entry.isSettled && entry.attempts < attemptsMax && budget.spend();
  }

  /** The connection has ended: what was on it goes back in line or fails. */
  #lose(closeCode: number): void {
    const { reconnect, random, clock } = this.#settings;
    this.#link = undefined;
    this.#isOpen = false;
    const decision = decideReconnect({ closeCode, failures: this.#failures }, reconnect, random);
    this.#failures += 1;
    const code = decision.kind === "giveUp" ? decision.code : "CONNECTION_FAILED";
    const error = new MillraceError(code, `the socket was closed with ${closeCode}`);
    if (decision.kind === "giveUp") {
      this.#failures = 0;
      this.#failAll(error);
      return;
    }
    this.#takeBack(error);
    this.#pause = clock.after(decision.afterMs, () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  #takeBack(error: MillraceError): void {
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    const again: Entry<Body>[] = [];
    for (const entry of lost) {
      if (this.#mayRepeat(entry)) again.push(entry);
      else this.#settle(entry, () => entry.fail(error));
    }
    this.#waiting = [...again, ...this.#waiting];
  }

  #failAll(error: MillraceError): void {
    const all = [...this.#inFlight.values(), ...this.#waiting];
    this.#inFlight.clear();
    this.#waiting = [];
    for (const entry of all) this.#settle(entry, () => entry.fail(error));
  }
}
