/**
 * HEADERS and CONTINUATION: frames become whole header blocks.
 *
 * A block is read whole or ends its connection, because it changes the table that later ones are
 * read by. What is kept of one without its end is bounded here; how long it may take, by the
 * connection; how many frames that add nothing, by its guard.
 */
import { ByteRoom } from "../byte-room.ts";
import { ConnectionFault, errorCode, fault, insideBlock } from "../fault.ts";
import { type FrameHead, frameFlag } from "../frames.ts";
import { HeaderDecoder, type HeaderLimits, type HeaderList } from "./header-decoder.ts";

/** Whom the blocks are for. */
export interface BlockSink {
  /** A whole block; `isLast` when the caller sends nothing behind it. */
  block(stream: number, list: HeaderList, isLast: boolean): void;
}

/** A block in all its frames, byte; and at least twice what is kept of it. */
const blockBytesMin = 64 * 1024;
const priorityBytes = 5;

/** A block that came without its end. */
interface OpenBlock {
  readonly stream: number;
  readonly isLast: boolean;
  readonly bytes: ByteRoom;
}

export class HeaderFrames {
  readonly #sink: BlockSink;
  readonly #decoder: HeaderDecoder;
  readonly #blockBytesMax: number;
  #open: OpenBlock | undefined;

  constructor(sink: BlockSink, limits: HeaderLimits) {
    this.#sink = sink;
    this.#decoder = new HeaderDecoder(limits);
    this.#blockBytesMax = Math.max(blockBytesMin, 2 * limits.headerBytesMax);
  }

  /** True between the frames of a block: nothing else may come. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** @throws ConnectionFault */
  headers({ stream, flags, length }: FrameHead, bytes: Buffer, start: number): void {
    if (stream % 2 === 0) throw fault("a request on an even stream");
    let at = start;
    let end = start + length;
    if ((flags & frameFlag.padded) !== 0) {
      end -= length === 0 ? 1 : (bytes[at] as number);
      at += 1;
    }
    const hasPriority = (flags & frameFlag.priority) !== 0;
    if (at + (hasPriority ? priorityBytes : 0) > end) {
      throw fault("HEADERS with more padding than bytes");
    }
    if (hasPriority) {
      if ((bytes.readUInt32BE(at) & 0x7fffffff) === stream) {
        throw fault("a stream that depends on itself");
      }
      at += priorityBytes;
    }
    const isLast = (flags & frameFlag.endStream) !== 0;
    if ((flags & frameFlag.endHeaders) !== 0) {
      this.#sink.block(stream, this.#decoder.decode(bytes, at, end), isLast);
      return;
    }
    const room = new ByteRoom();
    room.add(bytes, at, end);
    this.#open = { stream, isLast, bytes: room };
  }

  /** @throws ConnectionFault */
  continuation(head: FrameHead, bytes: Buffer, at: number): void {
    const block = this.#open;
    if (block === undefined || block.stream !== head.stream) throw insideBlock();
    if (block.bytes.length + head.length > this.#blockBytesMax) {
      throw new ConnectionFault(errorCode.calm, "a header block without an end");
    }
    block.bytes.add(bytes, at, at + head.length);
    if ((head.flags & frameFlag.endHeaders) === 0) return;
    this.#open = undefined;
    const all = block.bytes.take();
    this.#sink.block(block.stream, this.#decoder.decode(all, 0, all.length), block.isLast);
  }
}
