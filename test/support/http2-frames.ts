/**
 * Frames of HTTP/2 as a caller writes them, right or wrong, for the tests of our own layer.
 *
 * Written apart from the layer's own writers, so that one mistake is not made twice.
 */

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Settings by number. */
export const setting = { tableBytes: 1, push: 2, streams: 3, window: 4, frameBytes: 5 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Any frame. */
export function frame(
  kind: number,
  payload: Uint8Array = Buffer.alloc(0),
  { flags = 0, stream = 0 }: { readonly flags?: number; readonly stream?: number } = {},
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index);
  return bytes;
}

/** SETTINGS of pairs of number and value. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const bytes = Buffer.alloc(6 * pairs.length);
  pairs.forEach(([id, value], index) => {
    bytes.writeUInt16BE(id, 6 * index);
    bytes.writeUInt32BE(value, 6 * index + 2);
  });
  return frame(type.settings, bytes);
}

export const settingsAck = frame(type.settings, Buffer.alloc(0), { flags: flag.ack });
export const ping = frame(type.ping, Buffer.alloc(8));

export function windowUpdate(stream: number, bytes: number): Buffer {
  return frame(type.windowUpdate, words(bytes), { stream });
}

export function reset(stream: number, code = 8): Buffer {
  return frame(type.reset, words(code), { stream });
}

export function goAway(lastId = 0, code = 0): Buffer {
  return frame(type.goAway, words(lastId, code));
}

/** A header block of literals that enter no table. */
export function block(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** An integer of HPACK behind `prefixBits` bits; `first` holds the bits ahead of them. */
export function integer(value: number, prefixBits: number, first = 0): Buffer {
  const mask = 2 ** prefixBits - 1;
  if (value < mask) return Buffer.from([first | value]);
  const bytes = [first | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** What a call of gRPC says first. */
export const callFields = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/a.B/C",
  ":authority": "here",
  "content-type": "application/grpc",
  te: "trailers",
};

export interface HeadersParts {
  readonly fields?: Readonly<Record<string, string>>;
  readonly isLast?: boolean;
}

/** HEADERS with a whole block. */
export function headers(stream: number, parts: HeadersParts = {}): Buffer {
  const { fields = callFields, isLast = false } = parts;
  const flags = flag.endHeaders | (isLast ? flag.endStream : 0);
  return frame(type.headers, block(fields), { flags, stream });
}

export interface DataParts {
  readonly isLast?: boolean;
  readonly padBytes?: number;
}

export function data(stream: number, content: Uint8Array | string, parts: DataParts = {}): Buffer {
  const { isLast = false, padBytes } = parts;
  const flags = (isLast ? flag.endStream : 0) | (padBytes === undefined ? 0 : flag.padded);
  const payload =
    padBytes === undefined
      ? Buffer.from(content)
      : Buffer.concat([Buffer.from([padBytes]), Buffer.from(content), Buffer.alloc(padBytes)]);
  return frame(type.data, payload, { flags, stream });
}

/** Cuts bytes into frames; what is left at the end is not whole. */
export function framesOf(bytes: Buffer): { readonly frames: Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= 9) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes.length - at - 9 < length) break;
    const payload = bytes.subarray(at + 9, at + 9 + length);
    const stream = bytes.readUInt32BE(at + 5);
    frames.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream, payload });
    at += 9 + length;
  }
  return { frames, rest: bytes.subarray(at) };
}
