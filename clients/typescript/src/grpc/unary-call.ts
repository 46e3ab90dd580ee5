/**
 * One unary gRPC call on an HTTP/2 session: a message there, a message back, trailers.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { MillraceError } from "../millrace-error.ts";
import { errorOfTrailers, type Trailers, timeoutText } from "./grpc-status.ts";
import type { ProtoWriter } from "./proto-writer.ts";

/** Flag and length ahead of every message. */
const prefixBytes = 5;
/** Stream error code CANCEL (RFC 9113, 7). */
const cancelCode = 8;

export interface UnaryRequest {
  /** `/inference.GRPCInferenceService/ModelInfer` */
  readonly path: string;
  readonly message: ProtoWriter;
  readonly headers: Readonly<Record<string, string>>;
  /** Largest message that is read, bytes. */
  readonly replyBytesMax: number;
}

export interface UnaryReply {
  readonly message: Uint8Array<ArrayBuffer>;
  readonly requestId: string;
}

/** When the caller stops waiting. */
export interface UnaryEnd {
  readonly signal: AbortSignal;
  /** ms; Infinity without a deadline. */
  readonly leftMs: number;
}

/** @throws the server's error, CONNECTION_FAILED, INVALID_REPLY, the signal's reason */
export async function callUnary(
  session: ClientHttp2Session,
  request: UnaryRequest,
  { signal, leftMs }: UnaryEnd,
): Promise<UnaryReply> {
  if (signal.aborted) throw signal.reason;
  const timeout = timeoutText(leftMs);
  const stream = session.request({
    ":method": "POST",
    ":path": request.path,
    "content-type": "application/grpc",
    te: "trailers",
    ...(timeout === undefined ? {} : { "grpc-timeout": timeout }),
    ...request.headers,
  });
  const stop = (): void => stream.close(cancelCode);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const ended = readReply(stream, request.replyBytesMax);
    stream.end(frameOf(request.message));
    return await ended;
  } catch (thrown) {
    throw signal.aborted ? signal.reason : thrown;
  } finally {
    signal.removeEventListener("abort", stop);
    stream.close(cancelCode);
  }
}

function frameOf(message: ProtoWriter): Uint8Array<ArrayBuffer> {
  const frame = message.finish(prefixBytes);
  new DataView(frame.buffer).setUint32(1, message.length);
  return frame;
}

function readReply(stream: ClientHttp2Stream, bytesMax: number): Promise<UnaryReply> {
  return new Promise((done, fail) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let trailers: Trailers = {};
    stream.on("response", (headers) => {
      trailers = { ...trailers, ...headers };
    });
    stream.on("trailers", (more) => {
      trailers = { ...trailers, ...more };
    });
    stream.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > bytesMax + prefixBytes) {
        const message = `the reply is larger than ${bytesMax} bytes (replyBytesMax)`;
        fail(new MillraceError("INVALID_REPLY", message));
        stream.close(cancelCode);
      }
    });
    stream.on("error", (cause) => fail(connectionFailed(cause.message, cause)));
    stream.on("close", () => {
      if (trailers[":status"] === undefined) fail(connectionFailed("it ended", undefined));
      const error = errorOfTrailers(trailers);
      if (error !== undefined) fail(error);
      else settle(chunks, trailers, { done, fail });
    });
  });
}

interface Settle {
  readonly done: (reply: UnaryReply) => void;
  readonly fail: (error: MillraceError) => void;
}

function settle(chunks: readonly Uint8Array[], trailers: Trailers, { done, fail }: Settle): void {
  const whole = join(chunks);
  const id = trailers["x-request-id"];
  const isWhole =
    whole.length >= prefixBytes &&
    whole[0] === 0 &&
    new DataView(whole.buffer).getUint32(1) === whole.length - prefixBytes;
  if (!isWhole) fail(new MillraceError("INVALID_REPLY", "the reply is no single gRPC message"));
  // A copy, so that tensors of eight bytes an element lie where typed arrays may look at them.
  else done({ message: whole.slice(prefixBytes), requestId: typeof id === "string" ? id : "" });
}

function join(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** No connection, or one that broke. */
export function connectionFailed(why: string, cause: unknown): MillraceError {
  return new MillraceError("CONNECTION_FAILED", `the connection failed: ${why}`, { cause });
}
