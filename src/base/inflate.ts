/**
 * gzip and deflate, both ways, with the size counted while it grows.
 *
 * A bomb is stopped when it passes the byte limit or the allowed ratio, not when it is whole.
 */
import { createDeflate, createGunzip, createGzip, createInflate } from "node:zlib";
import type { LimitName } from "./limits.ts";
import { ServingError } from "./serving-error.ts";

/** `deflate` is the zlib format, as HTTP and gRPC mean it. */
export type Compression = "gzip" | "deflate";

export interface InflateOptions {
  readonly encoding: Compression;
  /** Inflated bytes allowed. */
  readonly bytesMax: number;
  /** The limit that `bytesMax` is. */
  readonly bytesLimit: LimitName;
  /** Inflated over sent bytes allowed. */
  readonly ratioMax: number;
  /** What is inflated, for messages: `body`. */
  readonly what: string;
}

/** Inflates at least this much before the ratio is looked at, so that tiny bodies may be dense. */
const ratioBytesMin = 64 * 1024;

/** Bytes of one step of the inflating thread: each costs the event loop a turn. */
const stepBytes = { min: 16 * 1024, max: 256 * 1024 } as const;

/** @throws INVALID_REQUEST for broken bytes, PAYLOAD_TOO_LARGE past the limits */
export async function inflate(bytes: Buffer, options: InflateOptions): Promise<Buffer> {
  const steps = { chunkSize: Math.max(stepBytes.min, Math.min(stepBytes.max, 4 * bytes.length)) };
  const stream = options.encoding === "deflate" ? createInflate(steps) : createGunzip(steps);
  const byRatio = Math.max(ratioBytesMin, bytes.length * options.ratioMax);
  const bytesMax = Math.min(options.bytesMax, byRatio);
  const chunks: Buffer[] = [];
  let length = 0;
  stream.end(bytes);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) throw tooLarge(options, bytesMax);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (ServingError.is(thrown)) throw thrown;
    const message = `the ${options.what} is not valid ${options.encoding}`;
    throw new ServingError("INVALID_REQUEST", message, { cause: thrown });
  } finally {
    stream.destroy();
  }
  return Buffer.concat(chunks, length);
}

function tooLarge(options: InflateOptions, bytesMax: number): ServingError {
  const isByBytes = bytesMax === options.bytesMax;
  const allowed = isByBytes
    ? `its limit of ${bytesMax} bytes`
    : `${options.ratioMax} times its size as sent`;
  const limit = isByBytes ? options.bytesLimit : "inflateRatioMax";
  const message = `the inflated ${options.what} is over ${allowed}`;
  return new ServingError("PAYLOAD_TOO_LARGE", message, { limit });
}

/** Deflates in one go, off the loop, as fast as it goes. */
export async function compress(bytes: Buffer, encoding: Compression): Promise<Buffer> {
  const stream = encoding === "gzip" ? createGzip({ level: 1 }) : createDeflate({ level: 1 });
  stream.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
