/**
 * The frames of HTTP/2 (RFC 9113, section 6): numbers, and how their heads are written.
 */

export const frameType = {
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

export const frameFlag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const setting = {
  pushEnabled: 2,
  streamsMax: 3,
  initialWindow: 4,
  frameBytesMax: 5,
  headerListBytesMax: 6,
} as const;

export const frameHeadBytes = 9;
/** What either side may take for granted. */
export const defaultFrameBytes = 16_384;

/** The head of a frame. */
export interface FrameHead {
  type: number;
  flags: number;
  /** 0 for the connection. */
  stream: number;
  /** Bytes that follow. */
  length: number;
}

/** Writes the head of a frame at `at`. @returns the place behind it */
export function writeFrameHead(into: Uint8Array, at: number, head: FrameHead): number {
  const { type, flags, stream, length } = head;
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  return writeUint32(into, at + 5, stream);
}

/** @returns the place behind it */
export function writeUint32(into: Uint8Array, at: number, value: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}
