/**
 * The peer of a call that came over HTTP/2, as a browser sends it over TLS.
 *
 * The status stands in the body as over HTTP/1.1, so the last frame is one of data and has no
 * trailers. Invariant: a stream that is answered before its request is whole is given up, because
 * what still comes of it nobody reads.
 */
import type { CallStream } from "../http2/call-stream.ts";
import { errorCode } from "../http2/fault.ts";
import type { RequestHead } from "../http2/headers/call-headers.ts";
import { type HeadBlock, headerBlock } from "../http2/headers/header-encoder.ts";
import { noTrailers } from "../http2/sending/sender.ts";
import type { WebPeer, WebSink } from "./web-peer.ts";

export function http2Peer(stream: CallStream, head: RequestHead): WebPeer {
  const { headers, bytes, pairs } = head;
  const target = headers[":path"] ?? "";
  const query = target.indexOf("?");
  return {
    method: headers[":method"] ?? "",
    path: query === -1 ? target : target.slice(0, query),
    headers,
    headerBytes: bytes,
    headerPairs: pairs,
    line: stream.line,
    get unsentBytes() {
      return stream.queuedBytes;
    },
    get progress() {
      return stream.queuedBytes === 0 ? undefined : stream.progress;
    },
    get isSent() {
      return stream.isEnded;
    },
    get needsDrain() {
      return stream.queuedBytes > 0;
    },
    hear: (sink) => hear(stream, sink),
    refusalOf: (bytes) => stream.refusalOf(bytes),
    head: (status, fields) => stream.respond(blockOf(status, fields), false),
    write: (part) => stream.write(typeof part === "string" ? Buffer.from(part, "latin1") : part),
    end: () => stream.end(noTrailers),
    answer(status, fields, text) {
      stream.respond(blockOf(status, fields), text === "");
      if (text !== "") {
        stream.write(Buffer.from(text));
        stream.end(noTrailers);
      }
      // The end of a request without a body is told in the same turn.
      queueMicrotask(() => cut(stream));
    },
    onDrain: (act) => stream.onDrained(act),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    cut: () => cut(stream),
  };
}

function hear(stream: CallStream, sink: WebSink): void {
  stream.sink = {
    chunk: (bytes, at, end) => sink.chunk(bytes.subarray(at, end)),
    halfClosed: () => sink.halfClosed(),
    closed: () => sink.closed(),
  };
}

function blockOf(status: number, fields: Readonly<Record<string, string | number>>): HeadBlock {
  return { fixed: headerBlock({ ":status": status, ...fields }), text: undefined };
}

/** Ends both sides, in peace where the reply is whole. */
function cut(stream: CallStream): void {
  stream.reset(stream.isEnded ? errorCode.none : errorCode.cancel);
}
