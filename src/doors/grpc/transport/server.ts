/**
 * The HTTP/2 server under the gRPC door.
 *
 * Node's own `node:http2` does framing, header compression and flow control, and refuses floods; on
 * it stands what gRPC adds. A whole gRPC library on top of it answers half as many calls a second
 * (docs/adr/0018). Knows nothing of models.
 */
import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import {
  type Clock,
  type CorsSettings,
  type ErrorCode,
  type LimitName,
  type Limits,
  makeRequestIds,
  ServingError,
} from "../../../base/index.ts";
import { Sessions, sessionOptions, type TlsParts } from "../../../transport/index.ts";
import type { Method } from "../method.ts";
import { createWebServer } from "../web/server.ts";
import { beginCall, type CallHost } from "./begin-call.ts";
import { Call } from "./call.ts";
import type { ListenPlace } from "./listen.ts";
import { openListener } from "./listener.ts";
import type { OpenCall } from "./open-call.ts";
import { CallWatch } from "./watch-calls.ts";
import type { Work } from "./work.ts";

export interface GrpcServerOptions extends ListenPlace {
  readonly tls: TlsParts | undefined;
  /** How often a connection is asked whether it is still there, ms. */
  readonly keepAliveMs: number;
  /** Which pages of browsers may call. */
  readonly cors: CorsSettings;
  /** False refuses calls of browsers (gRPC-Web). */
  readonly hasWeb: boolean;
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

interface Host extends CallHost {
  openWork: number;
}

/** Starts listening. @throws the system's error when the port cannot be had */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { limits, clock } = options;
  const host = makeHost(options);
  const server = createServer(sessionOptions(limits));
  const sessions = new Sessions({ limits, clock, keepAliveMs: options.keepAliveMs });
  server.on("session", (session: ServerHttp2Session) => sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream, ...opened: Opened) => {
    const [headers, flags, raw] = opened;
    const isBodiless = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    begin(host, stream, { headers, isBodiless, headerBytes: bytesOf(raw) });
  });
  // A peer that breaks the rules of HTTP/2: the session is already ended.
  server.on("sessionError", () => {});
  const web = createWebServer(host, options);
  const { port, sockets, close } = await openListener({
    ...options,
    prefersHttp1: options.hasWeb && options.cors.origins.length > 0,
    http2: (socket) => server.emit("connection", socket),
    http1: (socket) => web.take(socket),
  });
  return {
    port,
    get connections() {
      return sockets.size;
    },
    get unsentConnections() {
      let count = 0;
      for (const socket of sockets) if (socket.writableLength > 0) count += 1;
      for (const call of host.calls) if (call.unsentBytes > 0) count += 1;
      return count;
    },
    get openWork() {
      return host.openWork;
    },
    get openCalls() {
      return host.calls.size;
    },
    announceClose() {
      sessions.announceClose();
      web.announceClose();
    },
    refuseArriving(error) {
      for (const call of [...host.calls]) if (call.isIncomplete) call.fail(error);
    },
    stop() {
      const error = new ServingError("DRAINING", "the server is stopping: try another one");
      for (const call of [...host.calls]) if (call.isOpenStream) call.fail(error);
      close();
      sessions.close();
      web.stop();
    },
    async close() {
      host.watch.close();
      close();
      web.stop();
      sessions.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function makeHost(options: GrpcServerOptions): Host {
  const { limits, clock } = options;
  const calls = new Set<OpenCall>();
  const host: Host = {
    limits,
    methods: options.methods,
    calls,
    watch: new CallWatch({ calls, limits, clock, limitHit: options.limitHit }),
    openWork: 0,
    admit: () => options.admit(),
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
  const { settings } = host;
  const { headers, isBodiless } = opening;
  const path = headers[":path"] ?? "";
  const given = headers["x-request-id"];
  const requestId = host.nextRequestId(typeof given === "string" ? given : "");
  const call = new Call({ stream, headers, settings, requestId, path, isBodiless });
  host.calls.add(call);
  host.watch.note();
  try {
    if (!isGrpc(stream, headers)) return;
    beginCall(host, call, { path, headers, headerBytes: opening.headerBytes });
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
