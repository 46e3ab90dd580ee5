/**
 * gzip and deflate, both ways, with the size counted while it grows.
 *
 * A bomb is stopped when it passes the byte limit or the allowed ratio, not when it is whole.
 */
import { createDeflate, createGunzip, createGzip, createInflate } from "node:zlib";
import { type LimitName, ServingError } from "../../../base/index.ts";

export interface DecodeOptions {
  /** The Content-Encoding header. */
  readonly encoding: string;
  /** Inflated bytes allowed. */
  readonly bytesMax: number;
  /** The limit that `bytesMax` is. */
  readonly bytesLimit: LimitName;
  /** Inflated over sent bytes allowed. */
  readonly ratioMax: number;
}

/** Inflates at least this much before the ratio is looked at, so that tiny bodies may be dense. */
const ratioBytesMin = 64 * 1024;

/**
 * The body without its encoding.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE for another encoding, INVALID_REQUEST for broken bytes,
 *   PAYLOAD_TOO_LARGE past the limits
 */
export async function decodeBody(body: Buffer, options: DecodeOptions): Promise<Buffer> {
  const encoding = options.encoding.trim().toLowerCase();
  if (encoding === "identity") return body;
  if (encoding !== "gzip" && encoding !== "x-gzip" && encoding !== "deflate") {
    const message = "header 'content-encoding': expected gzip, deflate or identity";
    throw new ServingError("UNSUPPORTED_MEDIA_TYPE", message, { field: "content-encoding" });
  }
  const stream = encoding === "deflate" ? createInflate() : createGunzip();
  const byRatio = Math.max(ratioBytesMin, body.length * options.ratioMax);
  const bytesMax = Math.min(options.bytesMax, byRatio);
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.end(body);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(options, bytesMax);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (ServingError.is(thrown)) throw thrown;
    throw new ServingError("INVALID_REQUEST", `the body is not valid ${encoding}`, {
      cause: thrown,
    });
  } finally {
    stream.destroy();
  }
  return Buffer.concat(chunks, bytes);
}

function tooLarge(options: DecodeOptions, bytesMax: number): ServingError {
  const isByBytes = bytesMax === options.bytesMax;
  const what = isByBytes
    ? `its limit of ${bytesMax} bytes`
    : `${options.ratioMax} times its size as sent`;
  const limit = isByBytes ? options.bytesLimit : "inflateRatioMax";
  return new ServingError("PAYLOAD_TOO_LARGE", `the inflated body is over ${what}`, { limit });
}

/** Replies below this are sent as they are. */
export const encodeBytesMin = 1024;

/** The encoding to use for a reply: gzip, deflate or "" by the Accept-Encoding header. */
export function chooseEncoding(acceptEncoding: string): "gzip" | "deflate" | "" {
  if (acceptEncoding === "") return "";
  let best: "gzip" | "deflate" | "" = "";
  let bestQuality = 0;
  for (const part of acceptEncoding.toLowerCase().split(",")) {
    const [name = "", ...settings] = part.split(";").map((each) => each.trim());
    const setting = settings.find((each) => each.startsWith("q="));
    const quality = setting === undefined ? 1 : Number(setting.slice(2)) || 0;
    if ((name === "gzip" || name === "deflate") && quality > bestQuality) {
      best = name;
      bestQuality = quality;
    }
  }
  return best;
}

/** Deflates a reply. */
export async function encodeReply(body: Buffer, encoding: "gzip" | "deflate"): Promise<Buffer> {
  const stream = encoding === "gzip" ? createGzip({ level: 1 }) : createDeflate({ level: 1 });
  stream.end(body);
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
