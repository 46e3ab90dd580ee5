// Goal: frames that lie in the lane come out as they were sent, in order, and none is written over
// before it was taken; what makes no sense is a fault; without room all goes through the socket.
// Method: two ends over two files and a queue of bytes for the socket; random sizes and turns.
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Frame, FrameFault, FrameReader, kinds } from "./index.ts";
import { Lane, laneBytesMax } from "./lane.ts";

const kibibyte = 1024;

let folder = "";
let files: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lane-"));
  files = ["up", "down"].map((name) => openSync(join(folder, name), "w+"));
});

afterEach(() => {
  for (const file of files) closeSync(file);
  rmSync(folder, { recursive: true });
});

/** Two lanes over the same files, each as one side of the socket sees it. */
function ends(): { near: Lane; far: Lane } {
  const [up = 0, down = 0] = files;
  return {
    near: new Lane({ toRead: up, toWrite: down }),
    far: new Lane({ toRead: down, toWrite: up }),
  };
}

/** A frame of `bytes` bytes in two chunks, filled from a seed. */
function frameOf(bytes: number, seed: number): Uint8Array[] {
  const whole = new Uint8Array(bytes);
  for (let at = 16; at < bytes; at += 997) whole[at] = (seed + at) & 0xff;
  new Uint32Array(whole.buffer, 0, 4).set([bytes, kinds.run, seed, 0]);
  return [whole.subarray(0, 40), whole.subarray(40)];
}

const wholeOf = (chunks: readonly Uint8Array[]): Buffer => Buffer.concat(chunks);

test("gives every frame as it was sent, whatever waits to be taken", () => {
  const step = fc.record({
    kibibytes: fc.integer({ min: 1, max: 9_000 }),
    reads: fc.integer({ min: 0, max: 6 }),
    answers: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const { near, far } = ends();
      const wanted: Buffer[] = [];
      const socket: Uint8Array[] = [];
      const got: Frame[] = [];
      const reader = new FrameReader((frame) => got.push(frame), { lane: far });
      const back = new FrameReader(() => {}, { lane: near });
      const readOne = (): void => {
        const next = socket.shift();
        if (next !== undefined) reader.push(next);
      };
      for (const [seed, { kibibytes, reads, answers }] of steps.entries()) {
        const chunks = frameOf(kibibytes * kibibyte, seed);
        wanted.push(wholeOf(chunks));
        socket.push(wholeOf(near.send(chunks)));
        for (let read = 0; read < reads; read += 1) readOne();
        if (answers) back.push(wholeOf(far.send(frameOf(64, seed))));
      }
      while (socket.length > 0) readOne();
      expect(got.map((frame) => frame.batch)).toEqual(steps.map((_, seed) => seed));
      for (const [place, frame] of got.entries()) {
        expect(Buffer.compare(frame.bytes, wanted[place] ?? Buffer.alloc(0))).toBe(0);
      }
    }),
    { numRuns: 25 },
  );
});

test("lays what is large, and only that", () => {
  const { near } = ends();
  const small = frameOf(8 * kibibyte, 1);
  expect(near.send(small)).toBe(small);
  expect(wholeOf(near.send(frameOf(64 * kibibyte, 2)))).toHaveLength(24);
  const huge = frameOf(9_000 * kibibyte, 3);
  expect(near.send(huge)).toBe(huge);
});

test("sends through the socket what has no room, and lays again when it was taken", () => {
  const { near, far } = ends();
  const large = frameOf(8_000 * kibibyte, 1);
  const words = [near.send(large), near.send(large)].map(wholeOf);
  expect(near.send(large)).toBe(large);
  const reader = new FrameReader(() => {}, { lane: far });
  for (const word of words) reader.push(word);
  expect(near.send(large)).toBe(large);
  new FrameReader(() => {}, { lane: near }).push(wholeOf(far.rest()));
  expect(wholeOf(near.send(large))).toHaveLength(24);
});

test("gives the memory back after a rest, and not while something lies there", () => {
  const { near, far } = ends();
  const size = (): number => fstatSync(files[1] ?? 0).size;
  const word = wholeOf(near.send(frameOf(64 * kibibyte, 1)));
  near.rest();
  near.rest();
  expect(size()).toBe(64 * kibibyte);
  new FrameReader(() => {}, { lane: far }).push(word);
  new FrameReader(() => {}, { lane: near }).push(wholeOf(far.rest()));
  near.rest();
  expect(size()).toBe(0);
});

function word(kind: number, fields: { taken?: number; bytes?: number; at?: number }): Uint8Array {
  const { taken = 0, bytes = 0, at = 0 } = fields;
  return new Uint8Array(Uint32Array.of(24, kind, taken, bytes, at, 0).buffer);
}

test.each([
  ["a frame where none is", word(kinds.laid, { bytes: 64 * kibibyte })],
  ["a frame past the end", word(kinds.laid, { bytes: 64 * kibibyte, at: laneBytesMax })],
  ["a frame without a head", word(kinds.laid, { bytes: 8 })],
  ["a frame larger than one may be", word(kinds.laid, { bytes: 2 ** 31 })],
  ["more taken than was laid", word(kinds.taken, { taken: 1 })],
  ["a kind that nobody knows", word(kinds.taken + 1, {})],
])("refuses %s", (_, bytes) => {
  const reader = new FrameReader(() => {}, { lane: ends().near });
  expect(() => reader.push(bytes)).toThrow(FrameFault);
});

test("refuses a frame whose own length is another, and one that is a word itself", () => {
  for (const [length, kind] of [
    [32 * kibibyte, kinds.run],
    [64 * kibibyte, kinds.laid],
  ] as const) {
    const { near, far } = ends();
    const chunks = frameOf(64 * kibibyte, 1);
    new Uint32Array(chunks[0]?.buffer ?? new ArrayBuffer(8), 0, 2).set([length, kind]);
    const reader = new FrameReader(() => {}, { lane: far });
    expect(() => reader.push(wholeOf(near.send(chunks)))).toThrow(FrameFault);
  }
});

test("refuses any word where there is no lane", () => {
  const reader = new FrameReader(() => {});
  expect(() => reader.push(word(kinds.taken, {}))).toThrow(FrameFault);
});

test.runIf(existsSync("/dev/full"))("sends through the socket while the folder is full", () => {
  const [up = 0, down = 0] = files;
  const full = openSync("/dev/full", "w");
  const large = frameOf(64 * kibibyte, 1);
  const near = new Lane({ toRead: up, toWrite: full });
  expect(near.send(large)).toBe(large);
  closeSync(full);
  const other = new Lane({ toRead: up, toWrite: down });
  expect(wholeOf(other.send(large))).toHaveLength(24);
});

test("sends through the socket once it is closed", () => {
  const { near } = ends();
  near.close();
  near.close();
  files = [];
  const large = frameOf(64 * kibibyte, 1);
  expect(near.send(large)).toBe(large);
  expect(near.rest()).toEqual([]);
});
