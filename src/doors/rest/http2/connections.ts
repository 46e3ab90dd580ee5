/**
 * The connections of the REST door that speak HTTP/2.
 *
 * `node:http2` does framing, header compression and flow control, and refuses floods; what is here
 * makes an exchange of each stream, of the same class that HTTP/1 has, and looks after those on
 * which too little moves. A connection is counted where it was accepted, whatever it speaks. One on
 * which nothing has begun for its time ends as one of HTTP/1 does.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import {
  type Clock,
  type LimitName,
  type Limits,
  ServingError,
  type Timer,
} from "../../../base/index.ts";
import type { ServerMetrics } from "../../../observe/index.ts";
import {
  hookStream,
  Sessions,
  sessionOptions,
  startReading,
  takeEarly,
  type UnreadReplies,
} from "../../../transport/index.ts";
import type { ExchangeRequest, Reply } from "../http/carrier.ts";
import type { Exchange } from "../http/exchange.ts";
import { OpenStream } from "./open-stream.ts";
import { StreamReply } from "./stream-reply.ts";
import { StreamRequest } from "./stream-request.ts";

export interface Http2Options {
  readonly limits: Limits;
  readonly unread: UnreadReplies;
  readonly clock: Clock;
  /** How long a connection may be idle, and how often it is asked whether it is there, ms. */
  readonly keepAliveMs: number;
  readonly counts: ServerMetrics["http"];
  /** Makes an exchange of what has come. */
  newExchange(request: ExchangeRequest, reply: Reply): Exchange;
  /** Starts to answer it. */
  begin(exchange: Exchange): void;
  /** A stream hit a limit, and no exchange tells so. */
  limitHit(name: LimitName): void;
}

/** What is known of one connection. */
interface Connection {
  readonly socket: Socket;
  /** At most http2StreamsMax. */
  readonly streams: Set<OpenStream>;
  /** What it was handed over with is not read yet. */
  isNew: boolean;
  /** When nothing was found under way, and nothing has begun since. */
  idleSinceMs: number | undefined;
}

/** Between two looks at all connections, ms. */
const lookMsMax = 1_000;
/** How long a caller may take to see that the connection has ended, ms. */
const lingerMs = 2_000;

export class Http2Connections {
  readonly #options: Http2Options;
  readonly #server: Http2Server;
  readonly #sessions: Sessions;
  /** At most one for each connection, of which there are connectionsMax. */
  readonly #open = new Map<Http2Session, Connection>();
  #timer: Timer | undefined;
  #arriving: Socket | undefined;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#sessions = new Sessions(options);
    this.#server = createServer(sessionOptions(options.limits));
    this.#server.on("session", (session: ServerHttp2Session) => this.#add(session));
    this.#server.on("stream", (stream: ServerHttp2Stream, ...opened: Opened) =>
      this.#begin(stream, opened),
    );
    // A peer that breaks the rules: the session is already ended.
    this.#server.on("sessionError", () => {});
  }

  /** Replies that their readers have not wholly taken. */
  get unsentReplies(): number {
    let count = 0;
    for (const stream of this.#streams()) if (stream.isUnsent) count += 1;
    return count;
  }

  /** Speaks HTTP/2 on `socket` from here on. */
  take(socket: Socket): void {
    this.#arriving = socket;
    socket.on("end", () => socket.end());
    this.#server.emit("connection", socket);
    this.#arriving = undefined;
  }

  /** Tells callers to open their next requests on another connection. */
  announceClose(): void {
    this.#sessions.announceClose();
  }

  refuseArriving(error: ServingError): void {
    for (const stream of [...this.#streams()]) stream.refuseArriving(error);
  }

  /** Each connection ends when its requests have. */
  stop(): void {
    this.#sessions.close();
  }

  destroy(): void {
    this.#timer?.cancel();
    this.#sessions.destroy();
  }

  *#streams(): Generator<OpenStream> {
    for (const { streams } of this.#open.values()) yield* streams;
  }

  #add(session: ServerHttp2Session): void {
    const socket = this.#arriving;
    if (socket === undefined) return;
    const connection = { socket, streams: new Set<OpenStream>(), isNew: true };
    this.#options.unread.of(socket, () => shed(session));
    this.#open.set(session, Object.assign(connection, { idleSinceMs: undefined }));
    setImmediate(() => {
      connection.isNew = false;
    });
    this.#sessions.add(session);
    session.once("close", () => {
      this.#open.delete(session);
      this.#options.clock.after(lingerMs, () => socket.destroy());
    });
    this.#watch();
  }

  #begin(stream: ServerHttp2Stream, [headers, flags, rawHeaders]: Opened): void {
    const { limits, unread, clock, newExchange, begin } = this.#options;
    const connection = stream.session === undefined ? undefined : this.#open.get(stream.session);
    if (connection === undefined) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    const { socket, streams } = connection;
    const request = new StreamRequest({ stream, headers, rawHeaders, socket, clock });
    const reply = new StreamReply(stream, request, unread.of(socket));
    const exchange = newExchange(request, reply);
    const isBodiless = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    // A body of any length, as far as the headers say.
    if (!isBodiless && exchange.headers.contentLength === "") {
      exchange.headers.transferEncoding = "chunked";
    }
    const closed = (open: OpenStream): void => void streams.delete(open);
    const open = new OpenStream({ stream, request, reply, exchange, closed });
    streams.add(open);
    connection.idleSinceMs = undefined;
    hookStream(stream, open);
    if (isBodiless) startReading(stream, open, true);
    const bytes = bytesOf(rawHeaders);
    if (bytes > limits.headerBytesMax) exchange.fail(tooLarge(bytes, limits));
    else begin(exchange);
    // What of a body has come already is for whoever has asked for it by now.
    if (isBodiless || (connection.isNew && takeEarly(stream, open))) return;
    startReading(stream, open, false);
  }

  /** Looks at all connections as long as there are any. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const { clock, limits, keepAliveMs } = this.#options;
    const { bodyReadMsMax, replyReadMsMax } = limits;
    const lookMs = Math.min(lookMsMax, bodyReadMsMax, replyReadMsMax, keepAliveMs);
    this.#timer = clock.after(lookMs, () => {
      // What has already arrived is read first: after a busy moment of ours it would seem late.
      clock.soon(() => {
        this.#timer = undefined;
        this.#look(clock.nowMs());
        if (this.#open.size > 0) this.#watch();
      });
    });
  }

  #look(nowMs: number): void {
    const { limits, keepAliveMs, counts, limitHit } = this.#options;
    for (const [session, connection] of this.#open) {
      for (const stream of [...connection.streams]) {
        const hit = stream.lookAt(nowMs, limits);
        if (hit === undefined) continue;
        if (hit !== "replyReadMsMax") counts.slowClosed += 1;
        limitHit(hit);
      }
      if (connection.streams.size > 0) connection.idleSinceMs = undefined;
      else {
        connection.idleSinceMs ??= nowMs;
        if (nowMs - connection.idleSinceMs >= keepAliveMs && !session.closed) session.close();
      }
    }
  }
}

/** Ends a connection whose caller does not read, and says why where that still gets through. */
function shed(session: ServerHttp2Session): void {
  if (session.destroyed) return;
  session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  session.destroy();
}

/** What Node says of a new stream. */
type Opened = readonly [headers: IncomingHttpHeaders, flags: number, raw: readonly string[]];

/** Names and values together. */
function bytesOf(raw: readonly string[]): number {
  let bytes = 0;
  for (const text of raw) bytes += text.length;
  return bytes;
}

/** Node itself ends streams with several times as much. */
function tooLarge(bytes: number, { headerBytesMax }: Limits): ServingError {
  const message = `the headers have ${bytes} bytes; the limit is ${headerBytesMax}`;
  return new ServingError("HEADER_TOO_LARGE", message, { limit: "headerBytesMax" });
}
