/**
 * The HTTP/2 server under the gRPC door.
 *
 * Node's own `node:http2` does framing, header compression and flow control, and refuses floods; on
 * it stands what gRPC adds. A whole gRPC library on top of it answers half as many calls a second
 * (docs/adr/0018). Knows nothing of models.
 */
import {
  constants,
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import {
  type Clock,
  type ErrorCode,
  type LimitName,
  type Limits,
  makeRequestIds,
  quote,
  ServingError,
} from "../../../base/index.ts";
import {
  Sessions,
  secureOptions,
  sessionOptions,
  type TlsParts,
} from "../../../transport/index.ts";
import { Call, type CallSettings, type Method } from "./call.ts";
import { type ListenPlace, listen } from "./listen.ts";
import { readTerms } from "./terms.ts";
import { CallWatch } from "./watch-calls.ts";
import type { Work } from "./work.ts";

export interface GrpcServerOptions extends ListenPlace {
  readonly tls: TlsParts | undefined;
  /** How often a connection is asked whether it is still there, ms. */
  readonly keepAliveMs: number;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The methods by path; one entry for each method of each service. */
  readonly methods: ReadonlyMap<string, Method>;
  /** Throws the error that refuses all work just now (draining), or returns. */
  admit(): void;
  finished(work: Work, code: ErrorCode | "OK", error: ServingError | undefined): void;
  /** A message came; its bytes, inflated. */
  received(bytes: number): void;
  limitHit(name: LimitName): void;
}

export interface GrpcServer {
  readonly port: number;
  readonly connections: number;
  /** Connections whose reader has not yet taken all that was written. */
  readonly unsentConnections: number;
  /** Calls and messages of streams that were let in and are not over. */
  readonly openWork: number;
  /** Calls that are open, streams included. */
  readonly openCalls: number;
  /** Tells callers to open their next calls on another connection. */
  announceClose(): void;
  /** Refuses the calls whose request is still arriving. */
  refuseArriving(error: ServingError): void;
  /** Stops accepting; connections end when their calls have. */
  stop(): void;
  /** Ends every connection. */
  close(): Promise<void>;
}

interface Host {
  readonly options: GrpcServerOptions;
  readonly settings: CallSettings;
  readonly nextRequestId: (given: string) => string;
  /** At most http2StreamsMax for each of at most connectionsMax connections. */
  readonly calls: Set<Call>;
  readonly watch: CallWatch;
  openWork: number;
}

/** Starts listening. @throws the system's error when the port cannot be had */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { limits, clock } = options;
  const host = makeHost(options);
  const server = createNodeServer(options);
  const sessions = new Sessions({ limits, clock, keepAliveMs: options.keepAliveMs });
  server.on("session", (session: ServerHttp2Session) => sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream, ...opened: Opened) => {
    const [headers, flags, raw] = opened;
    const isBodiless = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    begin(host, stream, { headers, isBodiless, headerBytes: bytesOf(raw) });
  });
  // A peer that speaks no HTTP/2 at all, or breaks its rules: the session is already ended.
  server.on("sessionError", () => {});
  server.on("tlsClientError", () => {});
  server.on("unknownProtocol", (socket: Socket) => socket.destroy());
  const open = limitConnections(server, options);
  const port = await listen(server, options);
  return {
    port,
    get connections() {
      return open.size;
    },
    get unsentConnections() {
      let count = 0;
      for (const socket of open) if (socket.writableLength > 0) count += 1;
      for (const call of host.calls) if (call.unsentBytes > 0) count += 1;
      return count;
    },
    get openWork() {
      return host.openWork;
    },
    get openCalls() {
      return host.calls.size;
    },
    announceClose: () => sessions.announceClose(),
    refuseArriving(error) {
      for (const call of [...host.calls]) if (call.isIncomplete) call.fail(error);
    },
    stop() {
      const error = new ServingError("DRAINING", "the server is stopping: try another one");
      for (const call of [...host.calls]) if (call.isOpenStream) call.fail(error);
      server.close();
      sessions.close();
    },
    async close() {
      host.watch.close();
      server.close();
      sessions.destroy();
      for (const socket of open) socket.destroy();
    },
  };
}

function makeHost(options: GrpcServerOptions): Host {
  const { limits, clock } = options;
  const calls = new Set<Call>();
  const host: Host = {
    options,
    calls,
    watch: new CallWatch({ calls, limits, clock, limitHit: options.limitHit }),
    openWork: 0,
    nextRequestId: makeRequestIds(),
    settings: {
      limits,
      nowMs: () => clock.nowMs(),
      finished(work, code, error) {
        if (work.isWork) host.openWork -= 1;
        options.finished(work, code, error);
      },
      began(work) {
        work.isWork = true;
        host.openWork += 1;
      },
      received: (bytes) => options.received(bytes),
      closed: (call) => calls.delete(call),
    },
  };
  return host;
}

function createNodeServer({ limits, tls }: GrpcServerOptions): Http2Server {
  const options = sessionOptions(limits);
  if (tls === undefined) return createServer(options);
  return createSecureServer({ ...options, ...secureOptions(tls, limits) });
}

/** Closes what comes above the limit at once. */
function limitConnections(server: Http2Server, options: GrpcServerOptions): ReadonlySet<Socket> {
  const { connectionsMax } = options.limits;
  // At most `connectionsMax`.
  const open = new Set<Socket>();
  server.prependListener("connection", (socket: Socket) => {
    if (open.size >= connectionsMax) {
      socket.destroy();
      options.limitHit("connectionsMax");
      return;
    }
    open.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => open.delete(socket));
  });
  return open;
}

/** What Node says of a new stream. */
type Opened = readonly [headers: IncomingHttpHeaders, flags: number, raw: readonly string[]];

/** Names and values together. */
function bytesOf(raw: readonly string[]): number {
  let bytes = 0;
  for (const text of raw) bytes += text.length;
  return bytes;
}

interface Opening {
  readonly headerBytes: number;
  readonly headers: IncomingHttpHeaders;
  readonly isBodiless: boolean;
}

function begin(host: Host, stream: ServerHttp2Stream, opening: Opening): void {
  const { options, settings } = host;
  const { headers, isBodiless } = opening;
  const path = headers[":path"] ?? "";
  const given = headers["x-request-id"];
  const requestId = host.nextRequestId(typeof given === "string" ? given : "");
  const call = new Call({ stream, headers, settings, requestId, path, isBodiless });
  host.calls.add(call);
  host.watch.note();
  try {
    if (!isGrpc(stream, headers)) return;
    checkHeaders(opening.headerBytes, options.limits);
    const method = options.methods.get(path);
    if (method === undefined) throw unknownMethod(path);
    const { work } = call;
    if (method.isWork) {
      options.admit();
      if (method.kind === "unary") settings.began(work);
    }
    const { allowedMs, priority } = readTerms(headers, options.limits.deadlineMsMax);
    if (allowedMs !== undefined) work.allow(allowedMs);
    work.priority = priority;
    call.open(method);
  } catch (thrown) {
    call.fail(thrown);
  }
}

/** False when it is answered already: it is HTTP, but no gRPC. */
function isGrpc(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
  const isPost = headers[":method"] === "POST";
  const type = headers["content-type"] ?? "";
  if (isPost && isGrpcType(type)) return true;
  const status = isPost ? 415 : 405;
  stream.respond({ ":status": status, ...(isPost ? {} : { allow: "POST" }) }, { endStream: true });
  stream.close();
  return false;
}

/** `application/grpc`, with `+proto` or parameters; other messages than protobuf are not read. */
function isGrpcType(type: string): boolean {
  if (type === "application/grpc" || type === "application/grpc+proto") return true;
  return type.startsWith("application/grpc;") || type.startsWith("application/grpc+proto;");
}

/** Node itself ends streams with several times as much. */
function checkHeaders(bytes: number, { headerBytesMax }: Limits): void {
  if (bytes <= headerBytesMax) return;
  const message = `the metadata has ${bytes} bytes; the limit is ${headerBytesMax}`;
  throw new ServingError("HEADER_TOO_LARGE", message, { limit: "headerBytesMax" });
}

function unknownMethod(path: string): ServingError {
  return new ServingError("NOT_FOUND", `no method ${quote(path)} is served here`);
}
