/**
 * The replies that wait for their readers: how many bytes on each connection, and on all of them.
 *
 * A reply that its connection has no place for is refused, so a caller who asks and does not read
 * pays by its own calls. When all connections together hold too much, one ends: that on which what
 * waits has waited longest, so a reader who keeps up is never the one, however much it asks for.
 * How long is told by bytes: a connection goes to the end of the line whenever all that waited at
 * its last place has been taken. Rejected: to refuse whoever comes when all are full (a few callers
 * who do not read would shut everybody out), to end the one that holds most (it may well read), to
 * keep a time for each reply. Invariants: what a connection holds is counted until it is taken or
 * the connection is over; the only one that waits is never ended, so any one reply gets through.
 */
import type { Socket } from "node:net";
import { type Clock, type LimitName, type Limits, ServingError } from "../base/index.ts";

const ownLine = Symbol("what waits for the reader of a connection");

interface LinedSocket extends Socket {
  [ownLine]?: UnreadLine;
}

export interface UnreadRepliesOptions {
  readonly limits: Pick<Limits, "connectionUnreadBytesMax" | "unreadBytesMax">;
  readonly clock: Pick<Clock, "soon">;
  limitHit(name: LimitName): void;
}

export class UnreadReplies {
  readonly #options: UnreadRepliesOptions;
  #bytes = 0;
  /** Those on which something waits, longest first; at most connectionsMax. */
  readonly #waiting = new Set<UnreadLine>();

  constructor(options: UnreadRepliesOptions) {
    this.#options = options;
  }

  /** Bytes that wait on all connections. */
  get bytes(): number {
    return this.#bytes;
  }

  /** One connection. @param cut ends it at once; called in a turn of its own, at most once */
  enter(cut: () => void): UnreadLine {
    return new UnreadLine(this, this.#options.limits.connectionUnreadBytesMax, cut);
  }

  /** The connection of a socket of Node. @param cut what ends it, where it is first asked for */
  of(socket: Socket, cut = (): void => void socket.destroy()): UnreadLine {
    const known = (socket as LinedSocket)[ownLine];
    if (known !== undefined) return known;
    const line = this.enter(cut);
    (socket as LinedSocket)[ownLine] = line;
    socket.once("close", () => line.close());
    return line;
  }

  /** Called by a connection: it holds `bytes` more, or fewer where below 0. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Called by a connection: it goes to the end of the line. */
  wait(line: UnreadLine): void {
    this.#waiting.delete(line);
    this.#waiting.add(line);
  }

  /** Called by a connection: nothing waits on it. */
  leave(line: UnreadLine): void {
    this.#waiting.delete(line);
  }

  /** Called by a connection that holds more than before. */
  bound(): void {
    const { limits, clock, limitHit } = this.#options;
    while (this.#bytes > limits.unreadBytesMax && this.#waiting.size > 1) {
      const [longest] = this.#waiting;
      if (longest === undefined) return;
      longest.close();
      limitHit("unreadBytesMax");
      clock.soon(longest.cut);
    }
  }
}

/** What waits on one connection. */
export class UnreadLine {
  readonly cut: () => void;
  readonly #all: UnreadReplies;
  readonly #bytesMax: number;
  #bytes = 0;
  /** What is left of that which waited when it went to its place in the line. */
  #dueBytes = 0;
  #isClosed = false;

  constructor(all: UnreadReplies, bytesMax: number, cut: () => void) {
    this.#all = all;
    this.#bytesMax = bytesMax;
    this.cut = cut;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True when `bytes` more may wait; always where nothing does. */
  admits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }

  /** What a reply of `bytes` is refused with. */
  refusal(bytes: number): ServingError {
    const message =
      `${this.#bytes} bytes of replies wait for the reader of this connection, and ` +
      `${bytes} more would be over the limit of ${this.#bytesMax} (connectionUnreadBytesMax)`;
    return new ServingError("REPLIES_UNREAD", message, { limit: "connectionUnreadBytesMax" });
  }

  /** So many bytes more wait, or fewer where below 0: they were taken or dropped. */
  count(bytes: number): void {
    if (this.#isClosed || bytes === 0) return;
    const wasEmpty = this.#bytes === 0;
    this.#bytes += bytes;
    this.#all.count(bytes);
    if (bytes < 0) this.#dueBytes += bytes;
    if (this.#bytes === 0) this.#all.leave(this);
    else if (wasEmpty || this.#dueBytes <= 0) {
      this.#dueBytes = this.#bytes;
      this.#all.wait(this);
    }
    if (bytes > 0) this.#all.bound();
  }

  /** The connection is over. */
  close(): void {
    if (this.#isClosed) return;
    this.count(-this.#bytes);
    this.#isClosed = true;
  }
}

/** What a response of HTTP/1.1 is asked. */
export interface WaitingResponse {
  /** Bytes that the system has not taken. */
  readonly writableLength: number;
  /** Calls `act` once the system has; without it the response counts by itself. */
  onSent?(act: () => void): void;
}

/** Counts `bytes` of a response, which was just ended, until the system has taken all of it. */
export function countResponse(
  line: Pick<UnreadLine, "count">,
  response: WaitingResponse,
  bytes: number,
): void {
  if (response.writableLength === 0 || response.onSent === undefined) return;
  line.count(bytes);
  response.onSent(() => line.count(-bytes));
}
