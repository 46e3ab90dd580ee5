/**
 * How a frame lies in memory: the numbers that both ends of the socket agree on.
 *
 * A frame is 32-bit words in the byte order of the machine (both ends run on it):
 *
 *   word 0  length of the whole frame, byte, a multiple of 8
 *   word 1  kind (low 8 bits), instance (high 24 bits)
 *   word 2  batch
 *   word 3  extra: RUN longest time in ms, RESULT run time in us, BEAT resident memory in KiB,
 *           control text length in bytes
 *   word 4  control frames: JSON as UTF-8. RUN and RESULT: a table, then payloads:
 *           tensors, wanted outputs (`wantedAll` or a count and then the indexes),
 *           for each tensor: index in the signature, dtype code + rank * 256, bytes, dimensions
 *
 * The table is padded to 8 bytes and so is each payload; frames are multiples of 8, so every
 * payload of a frame that starts aligned can be viewed as any typed array without a copy. BYTES
 * payload: n + 1 offsets (u32, the first 0) and then the bytes. Rejected: `v8.serialize` (it
 * revives objects of the other side, and copies), one frame per request (a write costs as much as a
 * small run).
 */

/** Said in HELLO; a parent and a child of different versions do not talk. */
export const frameVersion = 3;

export const headerBytes = 16;
export const headerWords = 4;

/** Largest frame, byte; a larger length in a header is a broken or hostile peer. */
export const frameBytesMax = 2 ** 30;

/** Largest rank that a frame may carry; the request limit `rankMax` is below it. */
export const frameRankMax = 64;

/** In place of a count of wanted outputs: all of them. */
export const wantedAll = 0xffff_ffff;

export const kinds = {
  hello: 1,
  load: 2,
  loaded: 3,
  failed: 4,
  unload: 5,
  unloaded: 6,
  run: 7,
  result: 8,
  error: 9,
  beat: 10,
  /** Parent to child: another front wants its runs done. */
  connect: 11,
  /** Child to that front, once: I am the worker that it was told of. */
  greet: 12,
  /** Either way: a frame lies in the lane; word 2 counts those taken, word 4 is its place. */
  laid: 13,
  /** Either way: so many frames (word 2) were taken from the lane. */
  taken: 14,
} as const;

/** Bytes up to the next multiple of 8. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
