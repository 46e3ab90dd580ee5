/**
 * One WebSocket from its handshake to its end: messages in, replies out, many under way.
 *
 * Each message is a request of its own. A flow holds the back-pressure: while too many messages are
 * under way, or their bytes, or replies that the caller does not read, the socket is not read. What
 * had arrived by then waits here: at most what one read of the socket holds.
 *
 *   open --leave (drain), fault, rule broken--> ending: nothing new; replies go out --> closed
 */
import {
  BoundedQueue,
  type ErrorCode,
  type LimitName,
  type Limits,
  ServingError,
} from "../../../base/index.ts";
import {
  type Books,
  type FlowPlace,
  type FlowSink,
  type OpenStream,
  type Service,
  StreamFlow,
} from "../../../service/index.ts";
import { SocketCall, type SocketTerms } from "./socket-call.ts";
import { watchSocket } from "./watch-socket.ts";
import type { CloseCode, SocketConnection, SocketEvents } from "./ws-connection.ts";

/** A text message, or the parts of a binary one. */
export type SocketReply = string | readonly Uint8Array[];

/** How the messages of a path are read and answered. */
export interface SocketDialect {
  /** Sets `call.id` as soon as it is known. @throws what refuses the message */
  answer(call: SocketCall): SocketReply | Promise<SocketReply>;
  /** The id in a message that could not be read; `undefined` when none can be found. */
  findId(call: SocketCall): string | undefined;
}

export interface SessionOptions {
  readonly service: Service;
  readonly books: Books;
  readonly dialect: SocketDialect;
  readonly terms: SocketTerms;
  /** Replies leave in the order of their messages. */
  readonly isOrdered: boolean;
  readonly path: string;
  readonly stream: OpenStream;
  /** The largest message, and the limit that says so. */
  readonly payloadLimit: LimitName;
}

/** Messages of one read of the socket: smaller ones than 16 bytes with their frame hold nothing. */
const waitingMax = 4_096;

/** What no frame or record of a socket reaches: its reason has at most 123 bytes. */
const drainReason = "the server is stopping: connect again";

export class SocketSession implements SocketEvents {
  readonly #options: SessionOptions;
  readonly #limits: Limits;
  readonly #connection: SocketConnection;
  readonly #flow: StreamFlow<SocketReply>;
  /** At most `socketRequestsMax`. */
  readonly #calls = new Set<SocketCall>();
  readonly #waiting = new BoundedQueue<{ bytes: Buffer; isBinary: boolean }>(waitingMax);
  #isPaused = false;
  #isBusy = false;
  /** Set once the socket is to end when all is answered. */
  #ending: { readonly code: CloseCode; readonly reason: string } | undefined;
  #isClosed = false;
  // For `watchSocket`, which see.
  #heardAtMs: number;
  #takenAtMs: number;
  #pingedAtMs: number;
  #partialSinceMs: number | undefined;
  #receivedBytes: number;
  #takenBytes = 0;
  #hasHeard = false;

  constructor(options: SessionOptions, connection: SocketConnection) {
    const { service, stream } = options;
    this.#options = options;
    this.#limits = service.limits;
    this.#connection = connection;
    stream.unreadBytes = () => connection.unreadBytes;
    this.#flow = new StreamFlow({
      sink: replySink(connection),
      resultsMax: this.#limits.socketRequestsMax,
      sourceBytesMax: this.#limits[options.payloadLimit],
      unreadBytesMax: this.#limits.streamBufferBytesMax,
      isOrdered: options.isOrdered,
      written: () => this.#goOn(),
    });
    // The handshake came on the same connection.
    this.#receivedBytes = connection.receivedBytes;
    const nowMs = service.clock.nowMs();
    this.#heardAtMs = nowMs;
    this.#takenAtMs = nowMs;
    this.#pingedAtMs = nowMs;
  }

  message(bytes: Buffer, isBinary: boolean): void {
    this.#hasHeard = true;
    if (this.#ending !== undefined) return;
    try {
      if (this.#flow.hasRoom && this.#waiting.length === 0) this.#take(bytes, isBinary);
      else if (!this.#waiting.push({ bytes, isBinary })) {
        this.end(1008, `more than ${waitingMax} messages wait to be read`);
      }
      this.#pace();
    } catch (thrown) {
      const { books, path } = this.#options;
      const error = ServingError.from(thrown);
      books.refused({ door: "websocket", path }, error);
      this.end(1011, error.message);
    }
  }

  heard(): void {
    this.#hasHeard = true;
  }

  broken(isTooBig: boolean): void {
    if (isTooBig) this.#options.service.metrics.limitHits.add(this.#options.payloadLimit);
    this.#leave();
  }

  closed(): void {
    this.#leave();
  }

  /** Answers what is under way, then closes: the server is stopping. */
  drain(): void {
    this.end(1001, drainReason);
  }

  /** Takes nothing more, answers what is under way, then closes. */
  end(code: CloseCode, reason: string): void {
    if (this.#ending !== undefined || this.#isClosed) return;
    this.#ending = { code, reason };
    this.#goOn();
  }

  /** Called every second or more often: pings, or cuts a socket on which nothing moves. */
  look(): void {
    const nowMs = this.#options.service.clock.nowMs();
    const { receivedBytes, takenBytes, unreadBytes } = this.#connection;
    if (this.#hasHeard || this.#isPaused) {
      this.#heardAtMs = nowMs;
      this.#partialSinceMs = undefined;
    } else if (receivedBytes !== this.#receivedBytes) this.#partialSinceMs ??= nowMs;
    if (unreadBytes === 0 || takenBytes !== this.#takenBytes) this.#takenAtMs = nowMs;
    this.#hasHeard = false;
    this.#receivedBytes = receivedBytes;
    this.#takenBytes = takenBytes;
    const verdict = watchSocket(
      {
        ...{ heardAtMs: this.#heardAtMs, partialSinceMs: this.#partialSinceMs },
        ...{ takenAtMs: this.#takenAtMs, pingedAtMs: this.#pingedAtMs, isPaused: this.#isPaused },
      },
      this.#limits,
      nowMs,
    );
    if (verdict.kind === "ping") {
      this.#pingedAtMs = nowMs;
      this.#connection.ping();
    } else if (verdict.kind === "end") {
      this.#options.service.metrics.limitHits.add(verdict.limit);
      this.#connection.terminate();
    }
  }

  /** Reads the socket only while there is room. */
  #pace(): void {
    const isFull = !this.#flow.hasRoom || this.#waiting.length > 0;
    if (isFull === this.#isPaused || this.#isClosed) return;
    this.#isPaused = isFull;
    if (isFull) this.#connection.pause();
    else this.#connection.resume();
  }

  /** Replies have gone out: takes what waits, and ends when that was wanted and all is answered. */
  #goOn(): void {
    // A message that is refused at once ends up here again.
    if (this.#isBusy || this.#isClosed) return;
    this.#isBusy = true;
    while (this.#flow.hasRoom) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#take(next.bytes, next.isBinary);
    }
    this.#isBusy = false;
    if (this.#ending === undefined) this.#pace();
    else if (this.#flow.inFlight === 0 && this.#waiting.length === 0) {
      const { code, reason } = this.#ending;
      this.#isClosed = true;
      this.#options.stream.leave();
      this.#connection.close(code, reason);
    }
  }

  #take(bytes: Buffer, isBinary: boolean): void {
    const { service, dialect, terms } = this.#options;
    const call = new SocketCall(terms, { bytes, isBinary }, service.clock.nowMs());
    const place = this.#flow.begin(bytes.length);
    this.#calls.add(call);
    try {
      service.admit();
      const reply = dialect.answer(call);
      if (!(reply instanceof Promise)) this.#answer(call, place, reply);
      else {
        reply.then(
          (each) => this.#answer(call, place, each),
          (thrown: unknown) => this.#fail(call, place, thrown),
        );
      }
    } catch (thrown) {
      this.#fail(call, place, thrown);
    }
  }

  #answer(call: SocketCall, place: FlowPlace, reply: SocketReply): void {
    this.#over(call, "OK", undefined);
    this.#flow.end(place, reply, bytesOf(reply));
  }

  #fail(call: SocketCall, place: FlowPlace, thrown: unknown): void {
    const error = ServingError.from(thrown);
    call.id ??= this.#options.dialect.findId(call);
    this.#over(call, error.code, error);
    const { message, code, field } = error;
    // As the body of a refused request over HTTP; a key without a value is not written.
    const text = JSON.stringify({ error: message, code, field });
    const named = call.id === undefined ? text : `{"id":${call.id},${text.slice(1)}`;
    this.#flow.end(place, named, named.length);
  }

  #over(call: SocketCall, code: ErrorCode | "OK", error: ServingError | undefined): void {
    if (!this.#calls.delete(call)) return;
    const { books, path } = this.#options;
    books.book(call, { door: "websocket", path, code, error });
  }

  /** The caller is gone: cancels what is under way. */
  #leave(): void {
    this.#isClosed = true;
    this.#options.stream.leave();
    this.#flow.close();
    this.#waiting.retain(() => false);
    if (this.#calls.size === 0) return;
    const error = new ServingError("CANCELLED", "the caller left");
    for (const call of [...this.#calls]) {
      this.#over(call, "CANCELLED", error);
      call.cancellation.cancel(error);
    }
  }
}

function bytesOf(reply: SocketReply): number {
  if (typeof reply === "string") return reply.length;
  return reply.reduce((sum, part) => sum + part.length, 0);
}

function replySink(connection: SocketConnection): FlowSink<SocketReply> {
  let taken = (): void => {};
  return {
    get unreadBytes() {
      return connection.unreadBytes;
    },
    onTaken(act) {
      taken = act;
    },
    write(reply) {
      if (typeof reply === "string") connection.sendText(reply, taken);
      else connection.sendBinary(reply, taken);
      return true;
    },
  };
}
