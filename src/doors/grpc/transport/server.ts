/**
 * The server under the gRPC door: on each connection that speaks HTTP/2 one of ours
 * (docs/adr/0037), on these what gRPC adds, and beside them what browsers call. Knows nothing of
 * models.
 */
import {
  type Clock,
  type CorsSettings,
  type ErrorCode,
  type LimitName,
  type Limits,
  makeRequestIds,
  ServingError,
} from "../../../base/index.ts";
import type { TlsParts, UnreadReplies } from "../../../transport/index.ts";
import type { CallStream } from "../http2/call-stream.ts";
import type { CallHeaders, RequestHead } from "../http2/headers/call-headers.ts";
import type { Method } from "../method.ts";
import { isWeb } from "../web/content-type.ts";
import { http2Peer } from "../web/http2-peer.ts";
import { createWebServer, takeRequest } from "../web/server.ts";
import { beginCall, type CallHost } from "./begin-call.ts";
import { Call } from "./call.ts";
import type { ListenPlace } from "./listen.ts";
import { openListener } from "./listener.ts";
import type { OpenCall } from "./open-call.ts";
import { Sessions } from "./sessions.ts";
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
  /** Where what waits for its reader is counted. */
  readonly unread: UnreadReplies;
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
  const sessions = new Sessions({
    ...{ limits, clock, unread: options.unread, keepAliveMs: options.keepAliveMs },
    limitHit: options.limitHit,
    opened: (stream, head) => {
      if (options.hasWeb && isWeb(head.headers)) {
        takeRequest(host, options.cors, http2Peer(stream, head));
      } else begin(host, stream, head);
    },
  });
  const web = createWebServer(host, options);
  const { port, sockets, close } = await openListener({
    ...options,
    http2: (socket, sinceMs) => sessions.add(socket, sinceMs),
    http1: (socket) => web.take(socket),
  });
  return {
    port,
    get connections() {
      return sockets.size;
    },
    get unsentConnections() {
      const lines = new Set<object>(sessions.unsent());
      for (const socket of sockets) if (socket.writableLength > 0) lines.add(socket);
      for (const call of host.calls) if (call.unsentBytes > 0) lines.add(call.line);
      return lines.size;
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

function begin(host: Host, stream: CallStream, head: RequestHead): void {
  const { settings } = host;
  const { headers, bytes, pairs } = head;
  const path = headers[":path"] ?? "";
  const requestId = host.nextRequestId(headers["x-request-id"] ?? "");
  const call = new Call({ stream, headers, settings, requestId, path });
  host.calls.add(call);
  host.watch.note();
  try {
    if (!isGrpc(call, headers)) return;
    beginCall(host, call, { path, headers, headerBytes: bytes, headerPairs: pairs });
  } catch (thrown) {
    call.fail(thrown);
  }
}

/** False when it is answered already: it is HTTP, but no gRPC. */
function isGrpc(call: Call, headers: CallHeaders): boolean {
  const isPost = headers[":method"] === "POST";
  if (isPost && isGrpcType(headers["content-type"] ?? "")) return true;
  if (isPost) {
    const message = "metadata 'content-type': expected application/grpc";
    call.refuseHttp(new ServingError("UNSUPPORTED_MEDIA_TYPE", message));
  } else {
    const error = new ServingError("METHOD_NOT_ALLOWED", "gRPC is called by POST");
    call.refuseHttp(error, { allow: "POST" });
  }
  return false;
}

/** `application/grpc`, with `+proto` or parameters; other messages than protobuf are not read. */
function isGrpcType(type: string): boolean {
  if (type === "application/grpc" || type === "application/grpc+proto") return true;
  return type.startsWith("application/grpc;") || type.startsWith("application/grpc+proto;");
}
