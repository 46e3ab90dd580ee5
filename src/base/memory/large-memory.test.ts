// Goal: memory is used again only after the only request that used it gave it back. Method: by
// hand; the identity of the memory tells.
import { expect, test } from "vitest";
import { giveBackLarge, markShared, markSole, takeLarge } from "./large-memory.ts";

const bytes = 1_000_000;

test("gives out again what its only user gave back, once", () => {
  const { buffer } = takeLarge(bytes);
  markSole(buffer);
  giveBackLarge(new Uint8Array(buffer, 8, 16));
  giveBackLarge(new Uint8Array(buffer));
  expect(takeLarge(bytes).buffer).toBe(buffer);
  expect(takeLarge(bytes).buffer).not.toBe(buffer);
});

test("leaves alone what nobody marked, what is huge, and what others made", () => {
  const unmarked = takeLarge(bytes).buffer;
  const huge = takeLarge(9 * 1024 * 1024).buffer;
  const foreign = new ArrayBuffer(bytes);
  for (const buffer of [huge, foreign]) markSole(buffer);
  for (const buffer of [unmarked, huge, foreign]) {
    giveBackLarge(new Uint8Array(buffer));
    expect(takeLarge(buffer.byteLength).buffer).not.toBe(buffer);
  }
});

test("gives no memory that is much too large", () => {
  const { buffer } = takeLarge(4 * bytes);
  markSole(buffer);
  giveBackLarge(new Uint8Array(buffer));
  expect(takeLarge(bytes).buffer).not.toBe(buffer);
  expect(takeLarge(3 * bytes).buffer).toBe(buffer);
});

test("forgets the oldest when there is too much", () => {
  const taken = Array.from({ length: 40 }, () => takeLarge(bytes).buffer);
  for (const buffer of taken) {
    markSole(buffer);
    giveBackLarge(new Uint8Array(buffer));
  }
  const again = new Set(Array.from({ length: 40 }, () => takeLarge(bytes).buffer));
  const kept = taken.map((buffer) => again.has(buffer));
  expect(kept.indexOf(true)).toBeGreaterThan(0);
  expect(kept.slice(kept.indexOf(true))).not.toContain(false);
  expect(kept.filter(Boolean)).toHaveLength(16);
});

test("waits for every part of what several share, each once", () => {
  const { buffer } = takeLarge(bytes);
  const parts = [0, 400, 800].map((at) => new Uint8Array(buffer, at, 400));
  const [first, second, third] = parts as [Uint8Array, Uint8Array, Uint8Array];
  markShared(parts);
  for (const part of [first, first, first, second, new Uint8Array(buffer, 4, 8)]) {
    giveBackLarge(part);
    expect(takeLarge(bytes).buffer).not.toBe(buffer);
  }
  giveBackLarge(new Float32Array(buffer, third.byteOffset, 100));
  giveBackLarge(third);
  expect(takeLarge(bytes).buffer).toBe(buffer);
  expect(takeLarge(bytes).buffer).not.toBe(buffer);
});

test("leaves alone what has an empty part, or parts elsewhere", () => {
  const { buffer } = takeLarge(bytes);
  const whole = new Uint8Array(buffer, 0, 400);
  for (const other of [new Uint8Array(buffer, 400, 0), new Uint8Array(400)]) {
    markShared([whole, other]);
    giveBackLarge(whole);
    giveBackLarge(other);
    expect(takeLarge(bytes).buffer).not.toBe(buffer);
  }
});
