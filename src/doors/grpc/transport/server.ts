/**
 * The server under the gRPC door: sockets, plain or secure, and on each a connection of HTTP/2
 * (docs/adr/0055); on these stands what gRPC adds. Knows nothing of models.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createSecureServer, type TLSSocket } from "node:tls";
import {
  type Clock,
  type ErrorCode,
  type LimitName,
  type Limits,
  makeRequestIds,
  quote,
  ServingError,
} from "../../../base/index.ts";
import type { CallStream } from "../http2/call-stream.ts";
import type { CallHeaders, RequestHead } from "../http2/headers/call-headers.ts";
import { headerPairsMax } from "../http2/headers/header-decoder.ts";
import { Call, type CallSettings, type Method } from "./call.ts";
import { Sessions } from "./sessions.ts";
import { readTerms } from "./terms.ts";
import { CallWatch } from "./watch-calls.ts";
import type { Work } from "./work.ts";

/** What a secure server shows, and whom it asks to show something. PEM. */
export interface TlsParts {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Callers must show a certificate of these; `undefined` = callers need none. */
  readonly clientCa: Buffer | undefined;
}

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
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
  const sessions = new Sessions({
    ...{ limits, clock, keepAliveMs: options.keepAliveMs },
    limitHit: options.limitHit,
    opened: (stream, head) => begin(host, stream, head),
  });
  const server = createNodeServer(options, (socket) => sessions.add(socket));
  const open = limitConnections(server, options);
  const port = await listen(server, options);
  return {
    port,
    get connections() {
      return open.size;
    },
    get unsentConnections() {
      let count = sessions.unsent;
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

type Accept = (socket: Socket) => void;

function createNodeServer({ limits, tls }: GrpcServerOptions, accept: Accept): Server {
  if (tls === undefined) return createServer({ noDelay: true }, accept);
  const secure = createSecureServer({
    ALPNProtocols: [protocol],
    cert: tls.cert,
    key: tls.key,
    minVersion: "TLSv1.2",
    handshakeTimeout: limits.headersReadMsMax,
    ...(tls.clientCa === undefined
      ? {}
      : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
  });
  secure.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === protocol) accept(socket);
    else socket.destroy();
  });
  // The socket is already ended.
  secure.on("tlsClientError", () => {});
  return secure;
}

/** As callers and servers agree on it inside TLS. */
const protocol = "h2";

/** Closes what comes above the limit at once. */
function limitConnections(server: Server, options: GrpcServerOptions): ReadonlySet<Socket> {
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

async function listen(server: Server, { host, port }: GrpcServerOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port, backlog: backlogConnectionsMax }, resolve);
  await promise;
  server.removeListener("error", reject);
  // A connection that cannot be accepted (no descriptors left) is no reason to stop.
  server.on("error", () => {});
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

/** Connections that may wait in the kernel. */
const backlogConnectionsMax = 4096;

function begin(host: Host, stream: CallStream, head: RequestHead): void {
  const { options, settings } = host;
  const { headers } = head;
  const path = headers[":path"] ?? "";
  const requestId = host.nextRequestId(headers["x-request-id"] ?? "");
  const call = new Call({ stream, headers, settings, requestId, path });
  host.calls.add(call);
  host.watch.note();
  try {
    if (!isGrpc(call, headers)) return;
    checkHeaders(head, options.limits);
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
function isGrpc(call: Call, headers: CallHeaders): boolean {
  const isPost = headers[":method"] === "POST";
  if (isPost && isGrpcType(headers["content-type"] ?? "")) return true;
  call.answerHttp(isPost ? { ":status": 415 } : { ":status": 405, allow: "POST" });
  return false;
}

/** `application/grpc`, with `+proto` or parameters; other messages than protobuf are not read. */
function isGrpcType(type: string): boolean {
  if (type === "application/grpc" || type === "application/grpc+proto") return true;
  return type.startsWith("application/grpc;") || type.startsWith("application/grpc+proto;");
}

function checkHeaders({ bytes, pairs }: RequestHead, { headerBytesMax }: Limits): void {
  if (bytes > headerBytesMax) {
    const message = `the metadata has ${bytes} bytes; the limit is ${headerBytesMax}`;
    throw new ServingError("HEADER_TOO_LARGE", message, { limit: "headerBytesMax" });
  }
  if (pairs > headerPairsMax) {
    const message = `the metadata has ${pairs} fields; the limit is ${headerPairsMax} (fixed)`;
    throw new ServingError("HEADER_TOO_LARGE", message);
  }
}

function unknownMethod(path: string): ServingError {
  return new ServingError("NOT_FOUND", `no method ${quote(path)} is served here`);
}
