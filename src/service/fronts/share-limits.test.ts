// Goal: the shares of all fronts add up to the limit of the server, and what cannot be shared is
// refused. Method: every front of servers of several sizes; the edges by hand.
import { expect, test } from "vitest";
import { defaultLimits } from "../../base/index.ts";
import { indivisible, onlyFront, shareOfLimits } from "./share-limits.ts";

const divided = [
  ...(["connectionsMax", "streamsMax", "queueItemsMax", "queueBytesMax"] as const),
  "unreadBytesMax",
] as const;

test("the only front keeps every limit as it is", () => {
  expect(shareOfLimits(defaultLimits, onlyFront)).toBe(defaultLimits);
});

test("the shares of all fronts are even and add up to the limit", () => {
  const limits = { ...defaultLimits, connectionsMax: 10, streamsMax: 7 };
  for (const count of [2, 3, 7]) {
    const fronts = Array.from({ length: count }, (_, index) =>
      shareOfLimits(limits, { index, count }),
    );
    for (const name of divided) {
      const shares = fronts.map((front) => front[name]);
      expect(shares.reduce((sum, each) => sum + each, 0)).toBe(limits[name]);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }
  }
});

test("what holds for one connection, message or run is not divided, and no stream is kept", () => {
  const half = shareOfLimits(defaultLimits, { index: 1, count: 2 });
  const changed = Object.keys(defaultLimits).filter(
    (name) => half[name as keyof typeof half] !== defaultLimits[name as keyof typeof half],
  );
  expect(changed.sort()).toEqual([...divided, "streamsKeptMax"].sort());
  expect(half.streamsKeptMax).toBe(0);
});

test("a package's queue that is smaller than the number of fronts leaves one item for each", () => {
  const limits = { ...defaultLimits, queueItemsMax: 2 };
  const shares = [0, 1, 2].map((index) => shareOfLimits(limits, { index, count: 3 }));
  expect(shares.map((each) => each.queueItemsMax)).toEqual([1, 1, 1]);
});

test("a limit below the number of fronts is named; none at all may be had", () => {
  expect(indivisible({ ...defaultLimits, streamsMax: 3 }, 3)).toBeUndefined();
  expect(indivisible({ ...defaultLimits, streamsMax: 0 }, 3)).toBeUndefined();
  expect(indivisible({ ...defaultLimits, streamsMax: 2 }, 3)).toBe(
    "limits.streamsMax: 2 cannot be divided among 3 fronts: expected 3 or more",
  );
});
