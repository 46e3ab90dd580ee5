/**
 * Cuts the bytes of a call into messages: a flag, a length of four bytes, and that many bytes.
 *
 * The length is judged when it is known, before anything is kept. Room for a message grows with
 * what arrives, never with what was announced, so a length without a body costs nothing and a
 * message that comes byte by byte is copied into one buffer, not kept as a million chunks. Chunks
 * are never kept: the next read may write over them. A message ends at a multiple of 8: a raw
 * tensor is its last field, so it is aligned and can be viewed as it lies.
 */
import { largeBytesMin, markSole, ServingError, takeLarge } from "../../../base/index.ts";

/** Bytes ahead of each message. */
export const prefixBytes = 5;

/** Room is made for so many times what has come: each growth copies, unwritten room is free. */
const growth = 64;

/** First room of a message that comes in parts, byte. */
const roomBytesMin = 16 * 1024;

/** The largest element of a tensor, byte. */
const alignmentBytes = 8;

export interface MessageSink {
  /** One whole message. */
  message(bytes: Buffer, isCompressed: boolean): void;
}

export class MessageCutter {
  readonly #sink: MessageSink;
  readonly #bytesMax: number;
  #head = Buffer.alloc(0);
  /** -1 while the prefix is not whole. */
  #length = -1;
  #isCompressed = false;
  #room: Buffer | undefined;
  #have = 0;

  /** @param bytesMax grpcMessageBytesMax */
  constructor(sink: MessageSink, bytesMax: number) {
    this.#sink = sink;
    this.#bytesMax = bytesMax;
  }

  /** True between two messages: nothing of another has arrived. */
  get isBetween(): boolean {
    return this.#length === -1 && this.#head.length === 0;
  }

  /** @throws PAYLOAD_TOO_LARGE, INVALID_REQUEST (a flag that is neither 0 nor 1) */
  push(chunk: Buffer, from = 0, to = chunk.length): void {
    let at = from;
    while (at < to) {
      if (this.#length !== -1) at = this.#readBody(chunk, at, to);
      else if (this.#head.length === 0 && to - at >= prefixBytes)
        at = this.#readWholePrefix(chunk, at);
      else at = this.#readPrefix(chunk, at, to);
    }
  }

  #readWholePrefix(chunk: Buffer, at: number): number {
    this.#begin(chunk[at] as number, chunk.readUInt32BE(at + 1));
    if (this.#length === 0) this.#deliver(noBytes);
    return at + prefixBytes;
  }

  #readPrefix(chunk: Buffer, at: number, to: number): number {
    const missing = prefixBytes - this.#head.length;
    const end = Math.min(at + missing, to);
    const part = chunk.subarray(at, end);
    if (end - at < missing) {
      this.#head = Buffer.concat([this.#head, part]);
      return end;
    }
    const head = Buffer.concat([this.#head, part]);
    this.#head = noBytes;
    this.#begin(head[0] as number, head.readUInt32BE(1));
    if (this.#length === 0) this.#deliver(noBytes);
    return end;
  }

  #begin(flag: number, length: number): void {
    if (flag > 1) {
      const message = `the message's compression flag is ${flag}, expected 0 or 1`;
      throw new ServingError("INVALID_REQUEST", message);
    }
    if (length > this.#bytesMax) {
      const allowed = `the limit is ${this.#bytesMax} (grpcMessageBytesMax)`;
      const message = `the message has ${length} bytes; ${allowed}`;
      throw new ServingError("PAYLOAD_TOO_LARGE", message, { limit: "grpcMessageBytesMax" });
    }
    this.#isCompressed = flag === 1;
    this.#length = length;
  }

  #readBody(chunk: Buffer, at: number, to: number): number {
    const missing = this.#length - this.#have;
    const end = Math.min(at + missing, to);
    const room = this.#grow(end - at);
    chunk.copy(room, this.#have, at, end);
    this.#have += end - at;
    if (this.#have === this.#length) {
      markSole(room.buffer);
      this.#deliver(room.subarray(0, this.#length));
    }
    return end;
  }

  #grow(more: number): Buffer {
    const need = this.#have + more;
    const room = this.#room;
    if (room !== undefined && room.length >= need) return room;
    const size = Math.min(this.#length, Math.max(roomBytesMin, growth * need));
    const shift = (alignmentBytes - (this.#length % alignmentBytes)) % alignmentBytes;
    const grown = roomOf(shift + size).subarray(shift);
    room?.copy(grown, 0, 0, this.#have);
    this.#room = grown;
    return grown;
  }

  #deliver(bytes: Buffer): void {
    this.#length = -1;
    this.#have = 0;
    this.#room = undefined;
    this.#sink.message(bytes, this.#isCompressed);
  }
}

const noBytes = Buffer.alloc(0);

/** At least `bytes` of memory that starts at a multiple of 8; small pieces share theirs. */
function roomOf(bytes: number): Buffer {
  return bytes < largeBytesMin ? Buffer.allocUnsafe(bytes) : Buffer.from(takeLarge(bytes).buffer);
}
