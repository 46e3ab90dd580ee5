/**
 * The limits of `node:http2` that keep a connection from costing more than its share.
 *
 * What they refuse never reaches a door: a stream over the count is REFUSED_STREAM, headers over
 * their size end their stream, floods of resets, settings or broken frames end the connection.
 */
import type { ServerOptions } from "node:http2";
import type { Limits } from "../base/index.ts";

/** Header fields of one request. */
const headerPairsMax = 128;
/** Bytes that one stream may send ahead of being read. */
const streamWindowBytes = 1024 * 1024;

/** What a server is created with. */
export function sessionOptions(limits: Limits): ServerOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.http2StreamsMax,
      maxHeaderListSize: limits.headerBytesMax,
      initialWindowSize: streamWindowBytes,
      maxFrameSize: 16_384,
      enablePush: false,
    },
    peerMaxConcurrentStreams: limits.http2StreamsMax,
    maxHeaderListPairs: headerPairsMax,
    // Of one session: its header tables, and what waits to be written.
    maxSessionMemory: 64,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxSettings: 32,
    maxOutstandingPings: 4,
    streamResetBurst: 1_000,
    streamResetRate: 100,
  };
}
