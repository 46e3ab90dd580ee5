// Goal: each request gets its rows of an answer that several share, no answer keeps more than twice
// its bytes from others, and memory is used again only when nobody looks at it. Method: by hand;
// the identity of the memory tells.
import { expect, test } from "vitest";
import { giveBackLarge, takeLarge } from "../../base/index.ts";
import { ByteStrings, type Tensor } from "../../tensor/index.ts";
import type { Entry } from "./entry.ts";
import { markAnswer, sharesOf } from "./share-outputs.ts";

/** Numbers of an item: 64 KiB. */
const width = 16_384;

function entryOf(items: number, state: Entry["state"] = "sent"): Entry {
  return { items, state, whole: undefined } as Partial<Entry> as Entry;
}

/** Rows that hold their own number, in large memory. */
function rowsOf(items: number): Tensor & { readonly elements: Float32Array } {
  const { buffer } = takeLarge(items * width * 4);
  const elements = new Float32Array(buffer, 0, items * width);
  for (let item = 0; item < items; item += 1) elements.fill(item, item * width, (item + 1) * width);
  return { dtype: "FP32", shape: [items, width], elements };
}

function numbersOf(share: readonly Tensor[] | undefined): Float32Array {
  const elements = share?.[0]?.elements;
  if (elements instanceof Float32Array) return elements;
  throw new Error("a share has no numbers");
}

const isFree = (buffer: ArrayBufferLike): boolean => takeLarge(buffer.byteLength).buffer === buffer;

test("two share the memory of their answer until both have given it back", () => {
  const output = rowsOf(2);
  const [first, second] = sharesOf([entryOf(1), entryOf(1)], [output]).map(numbersOf);
  expect([first?.buffer, second?.buffer]).toEqual([output.elements.buffer, output.elements.buffer]);
  expect([first?.[0], second?.[width - 1]]).toEqual([0, 1]);
  if (first !== undefined) giveBackLarge(first);
  expect(isFree(output.elements.buffer)).toBe(false);
  if (second !== undefined) giveBackLarge(second);
  expect(isFree(output.elements.buffer)).toBe(true);
});

test("many get a copy each, and the memory of the run is free at once", () => {
  const output = rowsOf(8);
  const { buffer } = output.elements;
  const entries = [entryOf(1), entryOf(2), entryOf(1, "settled"), entryOf(3), entryOf(1)];
  const shares = sharesOf(entries, [output]);
  expect(shares[2]).toBeUndefined();
  const rows = [0, 1, 3, 4].map((at) => numbersOf(shares[at]));
  expect(rows.map((each) => each.buffer === buffer)).toEqual([false, false, false, false]);
  expect(rows.map((each) => each.length / width)).toEqual([1, 2, 3, 1]);
  expect(rows.map((each) => each[each.length - 1])).toEqual([0, 2, 6, 7]);
  expect(isFree(buffer)).toBe(true);
  for (const each of rows) {
    giveBackLarge(each);
    expect(isFree(each.buffer)).toBe(true);
  }
});

test("a large share stays where it is, and small ones beside it do not", () => {
  const output = rowsOf(10);
  const { buffer } = output.elements;
  const [large, small] = sharesOf([entryOf(9), entryOf(1)], [output]).map(numbersOf);
  expect([large?.buffer === buffer, small?.buffer === buffer]).toEqual([true, false]);
  expect([large?.at(-1), small?.[0]]).toEqual([8, 9]);
  if (large !== undefined) giveBackLarge(large);
  expect(isFree(buffer)).toBe(true);
});

test("an answer with strings is left to the collector", () => {
  const output = rowsOf(2);
  const texts = ByteStrings.fromText(["a", "b"]);
  const strings: Tensor = { dtype: "BYTES", shape: [2, 1], elements: texts };
  for (const share of sharesOf([entryOf(1), entryOf(1)], [output, strings])) {
    giveBackLarge(numbersOf(share));
  }
  expect(isFree(output.elements.buffer)).toBe(false);
});

test("the only request has the answer for itself", () => {
  const output = rowsOf(1);
  markAnswer([output]);
  giveBackLarge(output.elements);
  expect(isFree(output.elements.buffer)).toBe(true);
});
