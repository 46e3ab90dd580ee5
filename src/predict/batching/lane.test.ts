// Goal: entries leave in order, as many as fit; one that shares no run leaves by itself. Method:
// by hand.
import { expect, test } from "vitest";
import { Entry } from "./entry.ts";
import { Lane } from "./lane.ts";

function entryOf(order: number, items: number, isAlone = false): Entry {
  const context = { deadlineAtMs: 1_000, priority: 0 } as Partial<Entry["context"]>;
  const request = { inputs: [], items, outputs: undefined, parameters: undefined };
  const entry = new Entry(request, context as Entry["context"], 0);
  return Object.assign(entry, { order, isAlone });
}

test("as many as fit leave together, a larger one alone", () => {
  const lane = new Lane("k", 100);
  for (const [order, items] of [3, 4, 2, 9, 1].entries()) lane.add(entryOf(order, items));
  const taken = [0, 1, 2, 3].map(() => lane.take(8).map(({ items }) => items));
  expect(taken).toEqual([[3, 4], [2], [9], [1]]);
  expect([lane.entries, lane.items]).toEqual([0, 0]);
});

test("one that shares no run leaves by itself, wherever it stands", () => {
  const lane = new Lane("k", 100);
  for (let order = 0; order < 5; order += 1) lane.add(entryOf(order, 1, order % 3 === 0));
  const taken: number[][] = [];
  const heads: boolean[] = [];
  while (lane.entries > 0) {
    heads.push(lane.isAlone);
    taken.push(lane.take(8).map(({ order }) => order));
  }
  expect(taken).toEqual([[0], [1, 2], [3], [4]]);
  expect(heads).toEqual([true, false, true, false]);
  expect(lane.isAlone).toBe(false);
});
