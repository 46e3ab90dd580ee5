/**
 * The tables of HPACK (RFC 7541): fields that everybody knows, and those of one connection.
 *
 * A field is judged once, when it enters a table or is read: callers send the same ones over and
 * over. Bounded: a dynamic table holds at most `bytesMax` by the protocol's own count.
 */

/** One header field. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** False for what a request over HTTP/2 may not say; the request is then malformed. */
  readonly isFit: boolean;
}

/** Static: of one connection; they mean nothing in HTTP/2 and are refused (RFC 9113, 8.2.2). */
const ofConnection: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"],
]);

/** Static: names, and values behind a bar. */
const known = [
  ":authority",
  ":method|GET",
  ":method|POST",
  ":path|/",
  ":path|/index.html",
  ":scheme|http",
  ":scheme|https",
  ":status|200",
  ":status|204",
  ":status|206",
  ":status|304",
  ":status|400",
  ":status|404",
  ":status|500",
  "accept-charset",
  "accept-encoding|gzip, deflate",
  "accept-language",
  "accept-ranges",
  "accept",
  "access-control-allow-origin",
  "age",
  "allow",
  "authorization",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "etag",
  "expect",
  "expires",
  "from",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "link",
  "location",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "range",
  "referer",
  "refresh",
  "retry-after",
  "server",
  "set-cookie",
  "strict-transport-security",
  "transfer-encoding",
  "user-agent",
  "vary",
  "via",
  "www-authenticate",
];

/** Static: index 1 of the protocol is index 0 here. */
const staticFields: readonly HeaderField[] = known.map((row) => {
  const [name = "", value = ""] = row.split("|");
  return { name, value, isFit: isFitField(name, value) };
});

/** What the protocol counts for a field beside its text. */
const fieldBytes = 32;

/** The bytes that a field counts. */
export function sizeOf({ name, value }: HeaderField): number {
  return name.length + value.length + fieldBytes;
}

export class HeaderTable {
  /** What the other side may set it to. */
  readonly #allowedBytes: number;
  #bytesMax: number;
  #bytes = 0;
  /** The newest last; at most `bytesMax / 32` fields. */
  readonly #fields: HeaderField[] = [];

  /** @param allowedBytes what was announced as the largest size */
  constructor(allowedBytes: number) {
    this.#allowedBytes = allowedBytes;
    this.#bytesMax = allowedBytes;
  }

  /** The field at an index of the protocol, from 1. */
  at(index: number): HeaderField | undefined {
    if (index <= staticFields.length) return staticFields[index - 1];
    return this.#fields[this.#fields.length - (index - staticFields.length)];
  }

  add(field: HeaderField): void {
    const size = sizeOf(field);
    this.#evict(this.#bytesMax - size);
    if (size > this.#bytesMax) return;
    this.#fields.push(field);
    this.#bytes += size;
  }

  /** @returns false when it is more than was allowed */
  resize(bytesMax: number): boolean {
    if (bytesMax > this.#allowedBytes) return false;
    this.#bytesMax = bytesMax;
    this.#evict(bytesMax);
    return true;
  }

  #evict(bytesMax: number): void {
    while (this.#bytes > bytesMax) {
      const oldest = this.#fields.shift();
      if (oldest === undefined) return;
      this.#bytes -= sizeOf(oldest);
    }
  }
}

/** True for a name in lower case without controls or blanks, and a value on one line. */
export function isFitField(name: string, value: string): boolean {
  const first = name.startsWith(":") ? 1 : 0;
  if (name.length === first) return false;
  for (let at = first; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    const isUpper = code >= 65 && code <= 90;
    if (code <= 32 || code >= 127 || code === 58 || isUpper) return false;
  }
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (code === 0 || code === 10 || code === 13) return false;
  }
  if (name === "te") return value === "trailers";
  return !ofConnection.has(name);
}
