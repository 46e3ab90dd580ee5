/**
 * What `Content-Encoding` and `Accept-Encoding` ask for.
 */
import { inflate, type LimitName, ServingError } from "../../../base/index.ts";

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

/**
 * The body without its encoding.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE for another encoding, INVALID_REQUEST for broken bytes,
 *   PAYLOAD_TOO_LARGE past the limits
 */
export function decodeBody(body: Buffer, options: DecodeOptions): Promise<Buffer> {
  const encoding = options.encoding.trim().toLowerCase();
  if (encoding === "identity") return Promise.resolve(body);
  const known = encoding === "x-gzip" ? "gzip" : encoding;
  if (known === "gzip" || known === "deflate") {
    return inflate(body, { ...options, encoding: known, what: "body" });
  }
  const message = "header 'content-encoding': expected gzip, deflate or identity";
  const error = new ServingError("UNSUPPORTED_MEDIA_TYPE", message, { field: "content-encoding" });
  return Promise.reject(error);
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
