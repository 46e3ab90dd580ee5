/**
 * A second way for large frames: memory that both ends of the socket have open as a file.
 *
 * A Unix socket holds some 200 KiB, so a frame of 1 MiB is written in many pieces, and each piece
 * wakes the other side (measured: half the frames a second, twice the CPU of the front, from
 * 64 KiB on already 1.4 times the CPU). So the sender lays a large frame in the file and says over
 * the socket where it lies; the socket keeps the order. Each direction has a file of its own that
 * only its sender writes.
 *
 *   sender: lays a frame, says LAID ---> receiver: copies it out, owes a word that it is taken
 *   sender: may write there again  <--- TAKEN, or the count in its own next LAID
 *
 * The word rides with the next frame that goes the other way, so it costs no system call. What does
 * not fit goes through the socket as ever; so does everything where the system has no such folder.
 * Nothing that the other side says of a place is believed. After a second of rest the memory goes
 * back to the system. Rejected: memory that both map (Node has none).
 */
import { closeSync, ftruncateSync, readSync, writevSync } from "node:fs";
import { takeLarge } from "../../base/index.ts";
import { type Frame, FrameFault } from "./frame.ts";
import { headerBytes, kinds } from "./layout.ts";

/** Size of one direction, byte. */
export const laneBytesMax = 16 * 1024 * 1024;

/** Smaller frames are as cheap through the socket (measured: 32 KiB the same, 64 KiB 0.7). */
const laidBytesMin = 48 * 1024;

/** Larger ones would hold up the loop for milliseconds, byte. */
const laidBytesMax = 8 * 1024 * 1024;

/** The two files, as descriptors. */
export interface LaneFiles {
  /** Written by the other side. */
  readonly toRead: number;
  readonly toWrite: number;
}

/** Where a frame lies. */
interface Region {
  readonly at: number;
  readonly bytes: number;
}

export class Lane {
  readonly #files: LaneFiles;
  /** Frames that the other side has not taken, oldest first; `laneBytesMax / laidBytesMin`. */
  readonly #laid: Region[] = [];
  /** Frames that we have taken and not said so. */
  #owed = 0;
  /** The end of what was ever written, since the memory went back last. */
  #usedBytes = 0;
  #isAtRest = false;
  /** The system had no memory for it; tried again after a rest. */
  #isFull = false;
  #isClosed = false;

  constructor(files: LaneFiles) {
    this.#files = files;
  }

  /**
   * What goes through the socket for a frame: itself, or a word about where it lies.
   *
   * When one chunk comes back that is none of `chunks`, nobody reads those any more.
   */
  send(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    const bytes = chunks.length === 1 ? (chunks[0]?.length ?? 0) : sum(chunks);
    if (bytes >= laidBytesMin && bytes <= laidBytesMax) {
      const at = this.#lay(chunks, bytes);
      if (at !== undefined) return [this.#word(kinds.laid, bytes, at)];
    }
    if (this.#owed === 0) return chunks;
    return [this.#word(kinds.taken, 0, 0), ...chunks];
  }

  /** The frame that `word` says is there, in memory of its own. Throws FrameFault. */
  take(word: Frame): Uint8Array {
    if (this.#isClosed) throw new FrameFault("the lane is closed");
    this.taken(word);
    const bytes = word.extra;
    const at = new Uint32Array(word.bytes.buffer, word.bytes.byteOffset, 5)[4] ?? 0;
    if (bytes < headerBytes || bytes > laidBytesMax || at + bytes > laneBytesMax) {
      throw new FrameFault(`a frame of ${bytes} bytes laid at ${at}`);
    }
    const into = takeLarge(bytes).subarray(0, bytes);
    let read = 0;
    while (read < bytes) {
      const count = readSync(this.#files.toRead, into, read, bytes - read, at + read);
      if (count === 0) throw new FrameFault("a frame was laid and is not there");
      read += count;
    }
    this.#owed += 1;
    return into;
  }

  /** The other side has taken as many frames as `word` counts. Throws FrameFault. */
  taken(word: Frame): void {
    if (word.batch > this.#laid.length) throw new FrameFault("more was taken than was laid");
    this.#laid.splice(0, word.batch);
  }

  /**
   * To be called each second: says what is owed, if anything, and gives memory back that was not
   * used since the last call.
   */
  rest(): readonly Uint8Array[] {
    if (this.#isClosed) return [];
    this.#isFull = false;
    if (this.#isAtRest && this.#laid.length === 0 && this.#usedBytes > 0) {
      ftruncateSync(this.#files.toWrite, 0);
      this.#usedBytes = 0;
    }
    this.#isAtRest = true;
    return this.#owed === 0 ? [] : [this.#word(kinds.taken, 0, 0)];
  }

  /** Closes the files; frames go through the socket from now on. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#files.toRead);
    closeSync(this.#files.toWrite);
  }

  /** Writes a frame where nobody reads; its place, or `undefined` when there is no room. */
  #lay(chunks: readonly Uint8Array[], bytes: number): number | undefined {
    const at = this.#isFull || this.#isClosed ? undefined : this.#room(bytes);
    if (at === undefined) return undefined;
    this.#isAtRest = false;
    this.#usedBytes = Math.max(this.#usedBytes, at + bytes);
    try {
      if (writevSync(this.#files.toWrite, chunks as Uint8Array[], at) === bytes) {
        this.#laid.push({ at, bytes });
        return at;
      }
    } catch {
      // The folder is full: what lies there stays unread.
    }
    this.#isFull = true;
    return undefined;
  }

  /** The frames lie one after the other, and from the start again. */
  #room(bytes: number): number | undefined {
    const first = this.#laid[0];
    const last = this.#laid.at(-1);
    if (first === undefined || last === undefined) return 0;
    const end = last.at + last.bytes;
    if (end <= first.at) return first.at - end >= bytes ? end : undefined;
    if (laneBytesMax - end >= bytes) return end;
    return first.at >= bytes ? 0 : undefined;
  }

  /** A frame that says where one lies, or nothing but how many we have taken. */
  #word(kind: number, bytes: number, at: number): Uint8Array {
    const total = headerBytes + 8;
    const words = Uint32Array.of(total, kind, this.#owed, bytes, at, 0);
    this.#owed = 0;
    return new Uint8Array(words.buffer);
  }
}

function sum(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}
