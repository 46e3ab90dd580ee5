/**
 * One frame, one system call: several chunks are corked together, so that the socket gathers them.
 */

/** The part of a socket that frames are written to. */
export interface ByteSink {
  write(chunk: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
}

/** Writes the chunks of one frame. */
export function writeChunks(sink: ByteSink, chunks: readonly Uint8Array[]): void {
  const only = chunks[0];
  if (chunks.length === 1 && only !== undefined) {
    sink.write(only);
    return;
  }
  sink.cork();
  for (const chunk of chunks) sink.write(chunk);
  sink.uncork();
}
