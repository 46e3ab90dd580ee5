/**
 * Takes the bytes and the few events of an HTTP/2 stream at the method they come through.
 *
 * Node hands each chunk to the stream's `push` and each event to its `emit`. Listening instead
 * costs a buffer entry and a call for each chunk, and two calls for each listener that is added.
 * Ends still go through Node's own machinery, which closes the stream by them. Nothing else listens
 * to these streams.
 */
import type { ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";

/** Whom a stream's bytes and events are for. */
export interface StreamSink {
  chunk(bytes: Buffer): void;
  /** The caller sends no more. */
  halfClosed(): void;
  /** What was written is out, and the trailers may follow. */
  wantTrailers(): void;
  closed(): void;
}

const { push, emit } = Duplex.prototype;

const silent = (): boolean => true;

/** Directs the events of `stream` to `sink`. */
export function hookStream(stream: ServerHttp2Stream, sink: StreamSink): void {
  stream.emit = ((event: string, ...values: unknown[]): boolean => {
    if (event === "wantTrailers") sink.wantTrailers();
    else if (event === "close") {
      // Node lets a stream go late, and until then all that it knows.
      stream.emit = silent;
      stream.push = silent;
      sink.closed();
    }
    // Whatever breaks a stream also closes it. Without somebody who takes the event it would throw.
    else if (event !== "error") return Reflect.apply(emit, stream, [event, ...values]);
    return true;
  }) as typeof stream.emit;
}

/** What the reading of a stream can be told. */
export interface StreamReading {
  pause(): void;
  resume(): void;
}

/** Starts to read. @param isBodiless the headers said that nothing follows */
export function startReading(
  stream: ServerHttp2Stream,
  sink: StreamSink,
  isBodiless: boolean,
): StreamReading {
  let isPaused = false;
  stream.push = ((chunk: Buffer | null): boolean => {
    if (chunk !== null) {
      sink.chunk(chunk);
      return !isPaused;
    }
    sink.halfClosed();
    return Reflect.apply(push, stream, [null]);
  }) as typeof stream.push;
  if (isBodiless) sink.halfClosed();
  else stream._read(0);
  return {
    pause() {
      isPaused = true;
    },
    resume() {
      if (!isPaused || stream.destroyed) return;
      isPaused = false;
      stream._read(0);
    },
  };
}

/**
 * Gives `sink` what came before anybody could hear it: Node reads the bytes that a connection was
 * handed over with in one go, and tells of their streams afterwards.
 *
 * @returns true when the caller sends no more, so there is nothing left to read
 */
export function takeEarly(stream: ServerHttp2Stream, sink: StreamSink): boolean {
  for (;;) {
    const chunk: Buffer | null = stream.read();
    if (chunk === null) break;
    sink.chunk(chunk);
  }
  if (stream.state.remoteClose !== 1) return false;
  sink.halfClosed();
  return true;
}
