// Goal: memory is used again only after the only request that used it gave it back. Method: by
// hand; the identity of the memory tells.
import { expect, test } from "vitest";
import { giveBackLarge, markSole, takeLarge } from "./large-memory.ts";

const bytes = 1_000_000;

test("gives out again what its only user gave back, once", () => {
  const { buffer } = takeLarge(bytes);
  markSole(buffer);
  giveBackLarge(buffer);
  giveBackLarge(buffer);
  expect(takeLarge(bytes).buffer).toBe(buffer);
  expect(takeLarge(bytes).buffer).not.toBe(buffer);
});

test("leaves alone what nobody marked, what is huge, and what others made", () => {
  const unmarked = takeLarge(bytes).buffer;
  const huge = takeLarge(9 * 1024 * 1024).buffer;
  const foreign = new ArrayBuffer(bytes);
  for (const buffer of [huge, foreign]) markSole(buffer);
  for (const buffer of [unmarked, huge, foreign]) {
    giveBackLarge(buffer);
    expect(takeLarge(buffer.byteLength).buffer).not.toBe(buffer);
  }
});

test("gives no memory that is much too large", () => {
  const { buffer } = takeLarge(4 * bytes);
  markSole(buffer);
  giveBackLarge(buffer);
  expect(takeLarge(bytes).buffer).not.toBe(buffer);
  expect(takeLarge(3 * bytes).buffer).toBe(buffer);
});

test("forgets the oldest when there is too much", () => {
  const taken = Array.from({ length: 40 }, () => takeLarge(bytes).buffer);
  for (const buffer of taken) {
    markSole(buffer);
    giveBackLarge(buffer);
  }
  const again = new Set(Array.from({ length: 40 }, () => takeLarge(bytes).buffer));
  const kept = taken.map((buffer) => again.has(buffer));
  expect(kept.indexOf(true)).toBeGreaterThan(0);
  expect(kept.slice(kept.indexOf(true))).not.toContain(false);
  expect(kept.filter(Boolean)).toHaveLength(16);
});
