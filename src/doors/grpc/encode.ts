/**
 * Message bytes as they go on the wire: a prefix of five bytes, then the message.
 */

const prefixBytes = 5;

/** A frame whose prefix is written; the message starts at `at`. */
export interface NewFrame {
  readonly frame: Buffer;
  readonly at: number;
}

/**
 * Room for a message of `length` bytes.
 * @param room bytes of it that go into the frame; the rest follows from elsewhere
 */
export function newFrame(length: number, room = length): NewFrame {
  const frame = Buffer.allocUnsafe(prefixBytes + room);
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
  return { frame, at: prefixBytes };
}

/** The prefix alone, for a message whose bytes lie elsewhere. */
export function framePrefix(length: number, isCompressed: boolean): Buffer {
  const prefix = Buffer.allocUnsafe(prefixBytes);
  prefix[0] = isCompressed ? 1 : 0;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/** A frame with a copy of `message` in it. */
export function frameOf(message: Uint8Array): Buffer {
  const { frame, at } = newFrame(message.length);
  frame.set(message, at);
  return frame;
}

/** Bytes of a message that lies in several places. */
export function bytesOf(frame: Uint8Array, rest: readonly Uint8Array[]): number {
  let bytes = frame.length;
  for (const part of rest) bytes += part.length;
  return bytes;
}
